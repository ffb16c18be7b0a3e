import type { RecordFacts } from "../contract/upkeep/inspection.ts";
import type { StoredRecord } from "../contract/upkeep/upkeep-store.ts";

/** What a record says of its run, as its reader gets it. */
export function factsOf(id: string, record: Omit<StoredRecord, "response" | "input" | "steps">): RecordFacts {
  const { operation, scope, key, status, owner, attempt, claimedAtMs, finishedAtMs } = record;
  const { expiresAtMs, leasedUntilMs, nowMs } = record;
  const isInProgress = status === "in_progress";
  return {
    state: status,
    id,
    operation,
    scope,
    key,
    attempt,
    claimedAt: new Date(claimedAtMs),
    finishedAt: dateOf(finishedAtMs),
    expiresAt: new Date(expiresAtMs),
    isExpired: expiresAtMs <= nowMs,
    leasedUntil: isInProgress ? dateOf(leasedUntilMs) : undefined,
    isAbandoned: isInProgress && (owner === "" || (leasedUntilMs ?? 0) <= nowMs),
  };
}

function dateOf(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}
