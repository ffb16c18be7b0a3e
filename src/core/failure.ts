import { asksForRetry, isRetryableAnswer } from "./retryable.ts";

/** What is known of a request that failed. */
interface Failure {
  /** Of the HTTP answer, if there was one. */
  readonly status: unknown;
  /** `extensions.code` of the GraphQL errors, if there were any; `undefined` for an error without. */
  readonly codes: readonly unknown[];
  /** Where the name of one of our errors may stand. */
  readonly text: string;
  /** The error below, of a request that got no answer. */
  readonly cause: unknown;
}

/** Codes and statuses that the servers do not store: the same request may have another answer later. */
const RELEASED_CODE =
  /^(IDEMPOTENCY_.*|INTERNAL_(SERVER_)?ERROR|UNEXPECTED_ERROR|NOT_IMPLEMENTED|BAD_GATEWAY|SERVICE_UNAVAILABLE|.*TIMEOUT|DOWNSTREAM_SERVICE_ERROR|UNAUTHENTICATED|UNAUTHORIZED|FORBIDDEN|CONFLICT|TOO_MANY_REQUESTS|RATE_LIMITED|CLIENT_CLOSED_REQUEST)$/;
const RELEASED_STATUS: ReadonlySet<number> = new Set([401, 403, 407, 408, 409, 425, 429, 499]);

/**
 * Whether the same request with the same key may be sent again after this failure: no answer came (a network error or
 * a time-out, not an abort), or one that says so. Knows what `fetch`, tRPC, graphql-request, urql and Apollo Client
 * throw, a `Response`, and any error that has the answer's `status`.
 *
 * A 409 counts only if it is an `IN_PROGRESS` or `LEASE_LOST` of this package. The body of a `Response` cannot be read
 * here: of those, a 409 with `Retry-After` counts.
 */
export function isRetryable(failure: unknown): boolean {
  const { status, codes, text, cause } = readFailure(failure);
  if (asksForRetry(text)) {
    return true;
  }
  if (typeof status === "number" && status >= 400) {
    return isRetryableAnswer(status, text) || (status === 409 && hasRetryAfter(failure));
  }
  const name = at(cause, "name");
  return codes.length === 0 && (name === "TypeError" || name === "TimeoutError");
}

/**
 * Whether a failure is the answer to its key: the mutation was refused, and would be again. False where nobody knows
 * whether it was executed, and where the answer depends on who asks, or when.
 */
export function isFinal(failure: unknown): boolean {
  const { status, codes, text } = readFailure(failure);
  if (asksForRetry(text)) {
    return false;
  }
  if (typeof status === "number" && status >= 400) {
    return status < 500 && !RELEASED_STATUS.has(status);
  }
  return codes.length > 0 && codes.every((code) => typeof code === "string" && !RELEASED_CODE.test(code));
}

function readFailure(failure: unknown): Failure {
  const errors = at(failure, "graphQLErrors") ?? at(failure, "errors") ?? at(failure, "response", "errors");
  const codes = Array.isArray(errors) ? errors.map((error) => at(error, "extensions", "code")) : [];
  const texts = [at(failure, "type"), at(failure, "problem", "type"), at(failure, "message"), ...codes];
  return {
    status:
      at(failure, "data", "httpStatus") ??
      at(failure, "status") ??
      at(failure, "statusCode") ??
      at(failure, "response", "status") ??
      at(failure, "meta", "response", "status"),
    codes,
    text: texts.join(" "),
    cause: at(failure, "networkError") ?? at(failure, "cause") ?? failure,
  };
}

function hasRetryAfter(failure: unknown): boolean {
  const headers = at(failure, "headers");
  return headers instanceof Headers && headers.has("retry-after");
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce((object, name) => (object as Record<string, unknown> | null | undefined)?.[name], value);
}
