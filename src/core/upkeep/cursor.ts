import { misuse } from "../browser/option-checks.ts";
import type { Place } from "../contract/upkeep-store.ts";

/** A place as text that fits into a URL. Nobody is to read more out of it than where a list goes on. */
export function cursorOf({ expiresAt, id }: Place): string {
  return Buffer.from(`${expiresAt} ${id}`).toString("base64url");
}

/** @throws TypeError for what {@link cursorOf} has not made. */
export function placeOf(cursor: unknown): Place | undefined {
  if (cursor === undefined) {
    return undefined;
  }
  const text = typeof cursor === "string" ? Buffer.from(cursor, "base64url").toString() : "";
  const [, expiresAt, seconds, id] = PLACE.exec(text) ?? [];
  if (expiresAt === undefined || id === undefined || !isTime(`${seconds}Z`)) {
    throw misuse("after", cursor, "next of the page before, as it was");
  }
  return { expiresAt, id };
}

/**
 * A place before which there is nothing that is not before the given one, but for what expires in the same millisecond. It names no
 * record.
 */
export function justBefore({ expiresAt }: Place): Place {
  const [, seconds = "", fraction = "", zone = ""] = /^(.{19})(?:\.(\d{1,6}))?(.*)$/.exec(expiresAt) ?? [];
  const next = new Date(Date.parse(`${seconds}Z`) + Number(fraction.slice(0, 3).padEnd(3, "0")) + 1);
  const digits = fraction.length > 3 ? "0".repeat(fraction.length - 3) : "";
  return { expiresAt: `${next.toISOString().slice(0, -1)}${digits}${zone}`, id: "-".repeat(43) };
}

const PLACE = /^((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,6})?(?:\+00:00|Z)?) ([\w-]{43})$/;

/** JavaScript makes the 3rd of March out of the 31st of February. */
function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text.replace("Z", ".000Z");
}
