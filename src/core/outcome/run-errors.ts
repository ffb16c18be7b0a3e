import { IdempotencyError } from "../contract/errors/errors.ts";
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
    `The claim of ${operation} was lost: the record of its key was changed or deleted during the run, as its handler or a trigger ` +
      "can do. Nothing of it was committed. Retry with the same key; if that fails in the same way, look there.",
    { operation },
  );
}

/** `takenOver`: the database says that the lease is not ours; otherwise nothing is known. `cause` is what that led to, for the log. */
export function leaseLost(
  { operation }: { readonly operation: string },
  takenOver: boolean,
  cause?: unknown,
): IdempotencyError<"LEASE_LOST"> {
  const how = takenOver
    ? ": another executor has it, or the record was deleted"
    : ": it could not be renewed in time, and another executor may take over";
  return new IdempotencyError(
    "LEASE_LOST",
    `The lease of ${operation} was lost${how}; what it had recorded is kept for the next attempt. Retry ` +
      "with the same key.",
    { operation, takenOver },
    cause === undefined ? {} : { cause },
  );
}

/** The cause is for the log: a database's own words never reach a client through the message. */
export function storeUnavailable(
  { operation }: { readonly operation: string },
  cause: unknown,
): IdempotencyError<"STORE_UNAVAILABLE"> {
  return new IdempotencyError(
    "STORE_UNAVAILABLE",
    `The idempotency store is not available for ${operation}. Retry with the same key.`,
    { operation },
    { cause },
  );
}

/** For a write that has changed nothing, though the row is ours. */
export function writesSuppressed({
  operation,
}: {
  readonly operation: string;
}): IdempotencyError<"STORE_MISCONFIGURED"> {
  return new IdempotencyError(
    "STORE_MISCONFIGURED",
    `The database does not keep what ${operation} writes to its own tables: a policy of row-level security or a trigger ` +
      "suppresses it. It was not committed, and a retry does not help.",
    { operation },
  );
}

/** Names of errors that are written for whoever set it up. */
const SPEAKING: ReadonlySet<string> = new Set(["StoreError", "EncryptionError"]);

/** Only the store's own words say what is wrong: those of a database are for the log. */
function storeMisconfigured(
  { operation }: { readonly operation: string },
  cause: unknown,
  hint = "",
): IdempotencyError<"STORE_MISCONFIGURED"> {
  const isOurs = cause instanceof Error && SPEAKING.has(cause.name);
  const reason = isOurs
    ? cause.message
    : "Its error is the cause of this one; check() of the object that createIdempotency returned looks at the set-up.";
  return new IdempotencyError(
    "STORE_MISCONFIGURED",
    `The idempotency store cannot work: ${operation} failed, and a retry does not help. ${reason}${hint}`,
    { operation },
    { cause },
  );
}

/**
 * The error for a statement of ours that failed before anything was executed. What is not known to pass is permanent: a
 * client that is told to retry would do so for ever.
 */
export function storeFailed(
  run: { readonly operation: string },
  fault: StoreFault | undefined,
  error: unknown,
): IdempotencyError {
  return fault === undefined || fault === "misconfigured" || fault === "transaction_aborted"
    ? storeMisconfigured(run, error)
    : storeUnavailable(run, error);
}

/** PostgreSQL accepts no further statement in a transaction once one has failed. `what` names what was not stored. */
function statementFailed(
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

const AFTER_HANDLER =
  " If the claim of this run could work there, its handler has changed what the statement depends on, such as the role, the " +
  "search_path or whether the transaction is read-only: it must set that back.";

/**
 * The error to report for an outcome that the store did not accept. `what` names what was not stored. The store knows a write
 * conflict by the cause too, so the run may still be repeated.
 */
export function notStored(
  run: { readonly operation: string },
  what: string,
  fault: StoreFault | undefined,
  error: unknown,
): unknown {
  switch (fault) {
    case "unavailable":
    case "write_conflict":
    case "lock_timeout":
      return storeUnavailable(run, error);
    case "transaction_aborted":
      return statementFailed(run.operation, what, error);
    case "transaction_expired":
    case "handler_mistake":
      return error;
    // The first statement of the transaction was a write that passed.
    case "read_only":
    case "misconfigured":
      return storeMisconfigured(run, error, AFTER_HANDLER);
    default:
      return storeMisconfigured(run, error);
  }
}
