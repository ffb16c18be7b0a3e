/*
 * Which refusals servers keep, unless the application decides for itself. All others depend on who asks, or when; nothing is
 * stored, and the same request may succeed later. Clients do not go by this: they are told (told-outcome.ts).
 */

/** Never kept, like any 5xx: rights, time-outs, conflicts, rate limits, and a client that has gone. */
const RELEASED_STATUS: ReadonlySet<unknown> = new Set([401, 403, 408, 409, 425, 429, 499]);

/** Nor kept by plain HTTP: a proxy, a precondition or a lock. */
const RELEASED_BY_HTTP: ReadonlySet<unknown> = new Set([407, 412, 421, 423, 424, 428]);

/** Those of tRPC, and those that GraphQL servers have in common. */
const RELEASED_CODE =
  /^(INTERNAL_(SERVER_)?ERROR|UNEXPECTED_ERROR|NOT_IMPLEMENTED|BAD_GATEWAY|SERVICE_UNAVAILABLE|((GATEWAY|REQUEST)_)?TIMEOUT|DOWNSTREAM_SERVICE_ERROR|UNAUTHENTICATED|UNAUTHORIZED|FORBIDDEN|CONFLICT|TOO_MANY_REQUESTS|RATE_LIMITED|CLIENT_CLOSED_REQUEST|IDEMPOTENCY_.*)$/;

/**
 * Whether an answer with this status is kept, if that is 400 or above. In an error of GraphQL or tRPC, the handler's own
 * words come with the status, so more are kept: `isError`.
 */
export function isStoredStatus(status: number, isError = false): boolean {
  return status < 500 && !RELEASED_STATUS.has(status) && (isError || !RELEASED_BY_HTTP.has(status));
}

/** Whether an error of GraphQL or tRPC with this code is kept. One without a code is not. */
export function isStoredCode(code: unknown): boolean {
  return typeof code === "string" && !RELEASED_CODE.test(code);
}
