import { type TRPC_ERROR_CODE_KEY, TRPCError } from "@trpc/server";
import {
  type ErrorClass,
  type ErrorSerializer,
  fromStoredError,
  restoreInto,
  type StoredError,
  toStoredErrorWithCauses,
} from "../../core/contract/errors/error-serializer.ts";
import type { AnyIdempotencyError } from "../../core/contract/errors/errors.ts";
import { toTRPCError } from "./trpc-error.ts";

interface StoredTRPCError extends StoredError {
  readonly code: TRPC_ERROR_CODE_KEY;
}

/**
 * Stores code, message, properties and causes, so that an `errorFormatter` shapes a replayed error as it did the first.
 * Classes are restored as by the default of option `errors`, and `TRPCError`.
 */
export const trpcErrorSerializer: ErrorSerializer = {
  serialize: (error) => toStored(error as TRPCError),
  deserialize: (stored, classes = []) => fromStored(stored as StoredTRPCError, [...classes, TRPCError]),
};

function toStored(error: TRPCError): StoredTRPCError {
  const { cause, ...stored } = toStoredErrorWithCauses(error);
  return { ...stored, code: error.code, ...(cause === undefined ? {} : { cause }) };
}

function fromStored(stored: StoredTRPCError, classes: readonly ErrorClass[]): TRPCError {
  const { name, message, code, cause } = stored;
  if (name === "IdempotencyError") {
    // Stored by a completer that knows nothing of tRPC.
    return toTRPCError(fromStoredError(stored) as AnyIdempotencyError);
  }
  const error = new TRPCError({ code, message, cause: cause && fromStoredError(cause, classes) });
  return restoreInto(error, stored, classes);
}
