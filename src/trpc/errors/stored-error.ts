import { type TRPC_ERROR_CODE_KEY, TRPCError } from "@trpc/server";
import {
  type ErrorSerializer,
  fromStoredError,
  type StoredError,
  toStoredError,
} from "../../core/contract/error-serializer.ts";
import type { AnyIdempotencyError } from "../../core/contract/errors.ts";
import { toTRPCError } from "./trpc-error.ts";

interface StoredTRPCError extends StoredError {
  readonly code: TRPC_ERROR_CODE_KEY;
  readonly cause?: StoredError;
}

/**
 * Stores code, message, own properties and the cause, so that an `errorFormatter` shapes a replayed error as it did the
 * first. Classes are lost, except `TRPCError` itself.
 */
export const trpcErrorSerializer: ErrorSerializer = {
  serialize: (error) => toStored(error as TRPCError),
  deserialize: (stored) => fromStored(stored as StoredTRPCError),
};

function toStored(error: TRPCError): StoredTRPCError {
  const stored = { ...toStoredError(error), code: error.code };
  return error.cause === undefined ? stored : { ...stored, cause: toStoredError(error.cause) };
}

function fromStored(stored: StoredTRPCError): TRPCError {
  const { name, message, properties, code, cause } = stored;
  if (name === "IdempotencyError") {
    // Stored by a completer that knows nothing of tRPC.
    return toTRPCError(fromStoredError(stored) as AnyIdempotencyError);
  }
  const error = new TRPCError({ code, message, cause: cause && fromStoredError(cause) });
  return Object.assign(error, properties, { name });
}
