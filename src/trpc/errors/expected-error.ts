import type { TRPCError } from "@trpc/server";
import { getHTTPStatusCodeFromError } from "@trpc/server/http";
import { isStoredCode, isStoredStatus } from "../../core/browser/kept-answers.ts";
import { isIdempotencyError } from "../../core/contract/errors/errors.ts";

/**
 * Whether an error is a mutation's answer by default: it has a 4xx code other than `UNAUTHORIZED`, `FORBIDDEN`,
 * `TIMEOUT`, `CONFLICT`, `TOO_MANY_REQUESTS` and `CLIENT_CLOSED_REQUEST`, after which the same request may succeed later.
 * Errors of this package, from a procedure that the handler called, are not answers.
 */
export function isExpectedError(error: TRPCError): boolean {
  // A code that tRPC does not know has the status 500.
  const status = getHTTPStatusCodeFromError(error);
  return isStoredCode(error.code) && isStoredStatus(status, true) && !isIdempotencyError(error.cause);
}
