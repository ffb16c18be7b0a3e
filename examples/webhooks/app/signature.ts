import { createHmac, timingSafeEqual } from "node:crypto";

/** How old a signature may be, so that what somebody has overheard is worthless soon. */
const AGE_SECONDS_MAX = 300;

/** Whether `header`, as in `t=1760000000,v1=5257a8...`, is the provider's signature of `body`. */
export function isSigned(body: string, header: string | null, secret: string): boolean {
  const { t = "", v1 = "" } = Object.fromEntries(
    (header ?? "").split(",").map((part) => part.split("=", 2) as [string, string]),
  );
  const expected = createHmac("sha256", secret).update(`${t}.${body}`).digest();
  const given = Buffer.from(v1, "hex");
  const isFresh = Math.abs(Date.now() / 1000 - Number(t)) <= AGE_SECONDS_MAX;
  return isFresh && given.length === expected.length && timingSafeEqual(given, expected);
}
