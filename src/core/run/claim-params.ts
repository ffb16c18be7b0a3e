import { randomUUID } from "node:crypto";
import type { ClaimParams, TransactionLimits } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

// A claim blocks in slices. The time of a transaction runs from BEGIN: for a single long block it would have to grow by
// all of `waitMs`, and the handler would inherit what the claim left of that.
const LOCK_WAIT_MS_MAX = 1_000;
// Enough for the short locks of the database itself, such as the one that extends a table's file.
const LOCK_WAIT_MS_MIN = 50;

/** The claim of one attempt, with an owner of its own. `leaseMs` is `null` where the transaction is the lock. */
export function claimParams(run: PreparedRun, leaseMs: number | null = null): ClaimParams {
  const { id, scope, operation, key, fingerprint, options, input } = run;
  const remaining = options.onDuplicate === "wait" ? Math.ceil(run.deadline - performance.now()) : 0;
  const lockWaitMs = Math.min(Math.max(remaining, LOCK_WAIT_MS_MIN), LOCK_WAIT_MS_MAX);
  return {
    id,
    scope,
    operation,
    key,
    fingerprint,
    owner: randomUUID(),
    lockWaitMs,
    retentionMs: options.retentionMs,
    leaseMs,
    input,
  };
}

export function transactionLimits(
  { options: { transaction } }: Pick<PreparedRun, "options">,
  { lockWaitMs }: { readonly lockWaitMs: number },
): TransactionLimits {
  return {
    maxWaitMs: transaction.maxWaitMs,
    timeoutMs: transaction.timeoutMs,
    isolationLevel: transaction.isolationLevel,
    lockWaitMs,
  };
}
