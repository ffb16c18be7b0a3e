import type { Operation } from "@trpc/client";
import { isRetryable } from "../../core/failure.ts";
import { fullJitter } from "../../core/jitter.ts";
import { checkNumber } from "../../core/misuse.ts";
import { retryAfterMs } from "../../core/retryable.ts";
import { isKeyed } from "./keyed.ts";

/** Options of {@link retryIdempotent}. Times are in milliseconds. */
export interface RetryPolicyOptions {
  /** How often a call is made at most, the first time included. Default 5. */
  readonly attemptsMax?: number;
  /** The bound of the first random pause; it doubles with each attempt. Default 250. */
  readonly backoffMs?: number;
  /** The highest bound of a pause. Default 8,000. A server's `Retry-After` may ask for more, up to a minute. */
  readonly backoffMsMax?: number;
}

/** The options of `retryLink`. */
export interface RetryPolicy {
  retry(failed: { readonly op: Operation; readonly error: unknown; readonly attempts: number }): boolean;
  retryDelayMs(attempt: number): number;
}

/** A server that asks for more than this is not waited for. */
const RETRY_AFTER_MS_MAX = 60_000;

/**
 * A policy for tRPC's `retryLink`: `retryLink(retryIdempotent())`. Repeats a call that got no answer, or one that asks
 * for a retry (408, 425, 429, 502, 503, 504, and 409 for `IN_PROGRESS` and `LEASE_LOST`); a mutation only if it has a
 * key. Waits a random, growing time, never less than `Retry-After` says.
 *
 * @throws TypeError for an option that cannot be used
 */
export function retryIdempotent(options: RetryPolicyOptions = {}): RetryPolicy {
  for (const option of ["attemptsMax", "backoffMs", "backoffMsMax"] as const) {
    checkNumber(option, options[option], 1);
  }
  const { attemptsMax = 5, backoffMs = 250, backoffMsMax = 8_000 } = options;
  // `retryLink` asks for the delay right after the decision, without a turn of the event loop in between.
  let afterMs = 0;
  return {
    retry({ op, error, attempts }) {
      afterMs = retryAfterMs(retryAfterOf(error));
      return (
        attempts < attemptsMax &&
        afterMs <= RETRY_AFTER_MS_MAX &&
        (op.type !== "mutation" || isKeyed(op)) &&
        isRetryable(error)
      );
    },
    retryDelayMs: (attempt) => afterMs + fullJitter(attempt - 1, backoffMs, backoffMsMax),
  };
}

function retryAfterOf(error: unknown): string | null | undefined {
  const { meta } = error as { readonly meta?: { readonly response?: Partial<Pick<Response, "headers">> } };
  return meta?.response?.headers?.get("retry-after");
}
