import type { GraphQLError } from "graphql";

/** Codes that blame the server, the moment or the caller: the same request may succeed later. */
const RETRYABLE_CODES: ReadonlySet<string> = new Set([
  "INTERNAL_SERVER_ERROR",
  "INTERNAL_ERROR",
  "UNEXPECTED_ERROR",
  "NOT_IMPLEMENTED",
  "BAD_GATEWAY",
  "SERVICE_UNAVAILABLE",
  "GATEWAY_TIMEOUT",
  "DOWNSTREAM_SERVICE_ERROR",
  "UNAUTHENTICATED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "TIMEOUT",
  "REQUEST_TIMEOUT",
  "CONFLICT",
  "TOO_MANY_REQUESTS",
  "RATE_LIMITED",
  "CLIENT_CLOSED_REQUEST",
]);

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([401, 403, 408, 409, 425, 429, 499]);

/**
 * Whether an error is a mutation's answer by default: it has an `extensions.code` or an `extensions.http.status`, and
 * neither says that the same request may succeed later (5xx kinds, missing rights, time-outs, conflicts, rate limits,
 * and the codes of this package).
 */
export function isExpectedError({ extensions }: GraphQLError): boolean {
  const { code, unexpected } = extensions;
  const status = (extensions["http"] as { status?: unknown } | null | undefined)?.status;
  if (unexpected === true || (code === undefined && status === undefined)) {
    return false;
  }
  return (code === undefined || isExpectedCode(code)) && (status === undefined || isExpectedStatus(status));
}

function isExpectedCode(code: unknown): boolean {
  return typeof code === "string" && !RETRYABLE_CODES.has(code) && !code.startsWith("IDEMPOTENCY_");
}

function isExpectedStatus(status: unknown): boolean {
  // Servers answer 200 for an error that is part of the data.
  return typeof status === "number" && status < 500 && !RETRYABLE_STATUS.has(status);
}
