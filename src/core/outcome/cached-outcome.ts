import type { FinishedRecord } from "../contract/store.ts";

/** What of a finished record is kept in a cache. */
export interface CachedOutcome {
  readonly id: string;
  readonly record: FinishedRecord;
  /** By the clock of the host that wrote it, in milliseconds since 1970: a cache may have been given it late. */
  readonly expiresAt: number;
}

const FORMAT = 1;

export function encodeCached({ id, record, expiresAt }: CachedOutcome): string {
  const { status, fingerprint, owner, response } = record;
  return JSON.stringify({ format: FORMAT, id, status, fingerprint, owner, response, expiresAt });
}

/**
 * The record of `id`, if `found` is what {@link encodeCached} wrote of it and counts at `now`. Whoever else writes to the cache
 * may leave anything there: all that is not such a record counts as nothing.
 */
export function decodeCached(found: unknown, id: string, now: number): FinishedRecord | undefined {
  const entry = objectIn(found);
  if (entry?.["format"] !== FORMAT || entry["id"] !== id) {
    return undefined;
  }
  const { status, fingerprint, owner, response, expiresAt } = entry;
  const isFinished = status === "completed" || status === "failed";
  if (!isFinished || typeof expiresAt !== "number" || !(expiresAt > now)) {
    return undefined;
  }
  return typeof fingerprint === "string" && typeof owner === "string" && typeof response === "string"
    ? { status, fingerprint, owner, response }
    : undefined;
}

function objectIn(text: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof text !== "string") {
    return undefined;
  }
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
