import { misuse } from "../browser/option-checks.ts";
import type { Place } from "../contract/upkeep/upkeep-store.ts";

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
  const [seconds, rest] = [expiresAt.slice(0, SECONDS), expiresAt.slice(SECONDS)];
  const fraction = /^\.\d+/.exec(rest)?.[0] ?? "";
  const next = new Date(Date.parse(`${seconds}${fraction.slice(0, ".123".length)}Z`) + 1);
  const digits = next.toISOString().slice(SECONDS, -1).padEnd(fraction.length, "0");
  const time = next.toISOString().slice(0, SECONDS) + digits + rest.slice(fraction.length);
  return { expiresAt: time, id: "-".repeat(43) };
}

const SECONDS = "2026-11-30T12:00:00".length;
const PLACE = /^((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,6})?(?:\+00:00|Z)?) ([\w-]{43})$/;

/** JavaScript makes the 3rd of March out of the 31st of February. */
function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text.replace("Z", ".000Z");
}
