import { type TRPC_ERROR_CODE_KEY, TRPCError } from "@trpc/server";
import {
  type AnyIdempotencyError,
  type IdempotencyErrorCode,
  isTooLarge,
} from "../../core/contract/errors/errors.ts";

const CODES = {
  KEY_MISSING: "BAD_REQUEST",
  KEY_INVALID: "BAD_REQUEST",
  INPUT_INVALID: "BAD_REQUEST",
  KEY_REUSED: "UNPROCESSABLE_CONTENT",
  IN_PROGRESS: "CONFLICT",
  CLAIM_LOST: "CONFLICT",
  LEASE_LOST: "CONFLICT",
  ATTEMPTS_EXHAUSTED: "INTERNAL_SERVER_ERROR",
  STORE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
  STORE_MISCONFIGURED: "INTERNAL_SERVER_ERROR",
  RESULT_UNSTORABLE: "INTERNAL_SERVER_ERROR",
  RESULT_UNREADABLE: "INTERNAL_SERVER_ERROR",
  SCOPE_MISSING: "INTERNAL_SERVER_ERROR",
} as const satisfies Record<IdempotencyErrorCode, TRPC_ERROR_CODE_KEY>;

/** Converts one of our errors to a `TRPCError`; an `errorFormatter` finds ours in `cause`. */
export function toTRPCError(error: AnyIdempotencyError): TRPCError {
  return new TRPCError({
    code: isTooLarge(error) ? "PAYLOAD_TOO_LARGE" : CODES[error.code],
    message: error.message,
    cause: error,
  });
}
