import type { TRPCError } from "@trpc/server";

const parserErrors = new WeakSet<object>();

/**
 * Remembers an error that a parser after the middleware may have thrown: it came before the handler, costs nothing to find
 * again, and must not take the key from the corrected request.
 *
 * tRPC wraps what a parser throws in a `BAD_REQUEST` without a text of its own, after it has read the raw input. A
 * handler's error that looks the same is taken for one, which is safe: it is found again by a retry.
 */
export function rememberParserError(error: unknown, isRawInputRead: boolean): void {
  const wraps =
    isTRPCError(error) &&
    error.code === "BAD_REQUEST" &&
    error.cause !== undefined &&
    error.message === error.cause.message;
  if (isRawInputRead && wraps) {
    parserErrors.add(error);
  }
}

export function isParserError(error: object): boolean {
  return parserErrors.has(error);
}

/** By name, as tRPC does: a bundler may have given the application another copy of the class. */
function isTRPCError(error: unknown): error is TRPCError {
  return error instanceof Error && error.name === "TRPCError";
}
