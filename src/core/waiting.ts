import { IdempotencyError } from "./errors.ts";
import type { PreparedRun } from "./request.ts";
import type { StoreFault } from "./store.ts";

/**
 * Decides over a claim that failed, before the handler ran: returns if it may succeed when repeated.
 *
 * @throws {@link IdempotencyError} `IN_PROGRESS`, `STORE_UNAVAILABLE`
 */
export function throwUnlessWorthRetrying(
  run: PreparedRun,
  fault: StoreFault | undefined,
  error: unknown,
): void {
  const late = performance.now() >= run.deadline;
  if (fault === "lock_timeout") {
    if (late || run.options.onDuplicate === "reject") {
      throw inProgress(run, error);
    }
  } else if (fault === "schema_missing") {
    throw storeUnavailable(run, error, (error as Error).message);
  } else if (fault !== "write_conflict" || late) {
    throw storeUnavailable(run, error);
  }
}

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

/** The cause is for the log: a database's own words never reach a client through the message. */
export function storeUnavailable(
  { operation }: { readonly operation: string },
  cause: unknown,
  message: string = `The idempotency store is not available for ${operation}. Retry with the same key.`,
): IdempotencyError<"STORE_UNAVAILABLE"> {
  return new IdempotencyError("STORE_UNAVAILABLE", message, { operation }, { cause });
}
