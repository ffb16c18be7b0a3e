import type { TRPC_ERROR_CODE_KEY, TRPCError } from "@trpc/server";
import { isIdempotencyError } from "../core/contract/errors.ts";

/** Codes that blame the request, and would blame it again. The other 4xx codes depend on who asks, or when. */
const EXPECTED_CODES: ReadonlySet<TRPC_ERROR_CODE_KEY> = new Set([
  "PARSE_ERROR",
  "BAD_REQUEST",
  "PAYMENT_REQUIRED",
  "NOT_FOUND",
  "METHOD_NOT_SUPPORTED",
  "PRECONDITION_FAILED",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "UNPROCESSABLE_CONTENT",
  "PRECONDITION_REQUIRED",
] as const);

/**
 * Whether an error is a mutation's answer by default: it has a 4xx code other than `UNAUTHORIZED`, `FORBIDDEN`,
 * `TIMEOUT`, `CONFLICT`, `TOO_MANY_REQUESTS` and `CLIENT_CLOSED_REQUEST`, after which the same request may succeed later.
 * Errors of this package, from a procedure that the handler called, are not answers.
 */
export function isExpectedError(error: TRPCError): boolean {
  return EXPECTED_CODES.has(error.code) && !isIdempotencyError(error.cause);
}
