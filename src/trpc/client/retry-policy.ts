import type { Operation } from "@trpc/client";
import { fullJitter } from "../../core/browser/jitter.ts";
import { checkNames, checkNumber } from "../../core/browser/option-checks.ts";
import { isLostAnswer, isRetryableAnswer, retryAfterMs } from "../../core/browser/retryable.ts";
import { beginOf, isKeyed } from "./keyed.ts";

/** Options of {@link retryIdempotent}. Times are in milliseconds. */
export interface RetryPolicyOptions {
  /** The maximum number of times a call is made, the first included. Default 5. */
  readonly attemptsMax?: number;
  /**
   * How long after its start a mutation may still be repeated, the wait that `Retry-After` asks for included. For a query,
   * the longest `Retry-After` that is obeyed. In milliseconds; default 60,000.
   */
  readonly totalMs?: number;
  /** The upper bound of the first random pause; it doubles with each attempt. Default 250. */
  readonly backoffMs?: number;
  /** The limit up to which the upper bound of a pause grows. Default 8,000. A server's `Retry-After` may ask for more. */
  readonly backoffMsMax?: number;
}

/** The options of `retryLink`. */
export interface RetryPolicy {
  retry(failed: { readonly op: Operation; readonly error: unknown; readonly attempts: number }): boolean;
  retryDelayMs(attempt: number): number;
}

/**
 * A policy for tRPC's `retryLink`: `retryLink(retryIdempotent())`. Repeats a call that got no answer, or an answer that
 * asks for a retry (408, 425, 429, 502, 503, 504, and 409 for `IN_PROGRESS` and `LEASE_LOST`); it repeats a mutation only
 * if that has a key. Waits a random, growing time, never less than `Retry-After` says.
 *
 * @throws TypeError for an option that cannot be used
 */
export function retryIdempotent(options: RetryPolicyOptions = {}): RetryPolicy {
  const { attemptsMax = 5, totalMs = 60_000, backoffMs = 250, backoffMsMax = 8_000 } = options;
  const settings: Required<RetryPolicyOptions> = { attemptsMax, totalMs, backoffMs, backoffMsMax };
  checkNames(options, Object.keys(settings));
  for (const [option, value] of Object.entries(settings)) {
    checkNumber(option, value, 1);
  }
  // `retryLink` asks for the delay right after the decision, without a turn of the event loop in between.
  let afterMs = 0;
  return {
    retry({ op, error, attempts }) {
      const failure = error as CallFailure;
      afterMs = retryAfterMs(failure.meta?.response?.headers?.get("retry-after"));
      // A device that slept meanwhile may wake after the server has forgotten the key.
      const ageMs = op.type === "mutation" ? Date.now() - beginOf(op) : 0;
      return (
        ageMs + afterMs < totalMs &&
        attempts < attemptsMax &&
        (op.type !== "mutation" || isKeyed(op)) &&
        isRetryable(failure)
      );
    },
    retryDelayMs: (attempt) => afterMs + fullJitter(attempt - 1, backoffMs, backoffMsMax),
  };
}

/** The parts of `TRPCClientError` that tell why a call failed. */
interface CallFailure {
  readonly message: string;
  readonly cause?: unknown;
  /** The server's answer to this call. */
  readonly data?: { readonly httpStatus?: number } | null;
  /** `response` belongs to the whole batch. */
  readonly meta?: { readonly response?: Partial<Pick<Response, "status" | "headers">> };
}

function isRetryable({ message, cause, data, meta }: CallFailure): boolean {
  const status = data?.httpStatus ?? meta?.response?.status ?? 0;
  // An answer with a good status but no data broke off.
  return status < 400 ? isLostAnswer(cause) || status > 0 : isRetryableAnswer(status, message);
}
