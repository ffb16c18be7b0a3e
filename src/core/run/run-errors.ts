import { IdempotencyError } from "../contract/errors.ts";
import type { StoreFault } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

export function inProgress(
  { operation, options }: PreparedRun,
  cause?: unknown,
): IdempotencyError<"IN_PROGRESS"> {
  const waited = options.onDuplicate === "wait" ? ` It did not finish within ${options.waitMs} ms.` : "";
  return new IdempotencyError(
    "IN_PROGRESS",
    `A request with the same idempotency key is being executed for ${operation}.${waited} Retry with the same key.`,
    { operation },
    cause === undefined ? {} : { cause },
  );
}

/** A run in mode `transaction` found that its claim is gone: somebody has changed or deleted the record. */
export function claimLost({ operation }: { readonly operation: string }): IdempotencyError<"CLAIM_LOST"> {
  return new IdempotencyError(
    "CLAIM_LOST",
    `The claim of ${operation} was lost; nothing of it was committed. Retry with the same key.`,
    { operation },
  );
}

/** Another executor has, or may have, taken over the lease. `cause` is what that led to, for the log. */
export function leaseLost(
  { operation }: { readonly operation: string },
  cause?: unknown,
): IdempotencyError<"LEASE_LOST"> {
  return new IdempotencyError(
    "LEASE_LOST",
    `The lease of ${operation} was lost to another executor; what it had recorded is kept for the next attempt. Retry ` +
      "with the same key.",
    { operation },
    cause === undefined ? {} : { cause },
  );
}

/** The cause is for the log: a database's own words never reach a client through the message. */
export function storeUnavailable(
  { operation }: { readonly operation: string },
  cause: unknown,
  message: string = `The idempotency store is not available for ${operation}. Retry with the same key.`,
): IdempotencyError<"STORE_UNAVAILABLE"> {
  return new IdempotencyError("STORE_UNAVAILABLE", message, { operation }, { cause });
}

/** PostgreSQL accepts no further statement in a transaction once one has failed. `what` names what was not stored. */
export function statementFailed(
  operation: string,
  what: string,
  cause: unknown,
): IdempotencyError<"RESULT_UNSTORABLE"> {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `${what} caught the error of a failed statement; the database takes no further statement in that transaction, so ` +
      "nothing was stored. Let such errors reach the caller, or avoid them.",
    { operation },
    { cause },
  );
}

/** The error to report for an outcome that the store did not accept. */
export function notStored(run: PreparedRun, fault: StoreFault | undefined, error: unknown): unknown {
  if (fault === "unavailable") {
    return storeUnavailable(run, error);
  }
  return fault === "transaction_aborted"
    ? statementFailed(run.operation, `The handler of ${run.operation}`, error)
    : error;
}
