import type { TRPCError } from "@trpc/server";
import type { Told } from "../../core/adapter/told-outcome.ts";
import type { ToldOutcome } from "../../core/browser/told-outcome.ts";

/** What an error's `data` tells of the key of its call. */
export interface IdempotencyData {
  readonly idempotency?: { readonly outcome: ToldOutcome; readonly replayed: boolean };
}

/**
 * By the error and the path, as an error may pass from a call that a handler made to the handler's own. `undefined` for an
 * object that calls have thrown which ended differently: nobody knows which of them asks.
 */
const toldOf = new WeakMap<object, Map<string, Told | undefined>>();

/** Remembers how the call ended that fails with this error, for the formatter that shapes the error. */
export function rememberTold(error: unknown, path: string, told: Told): void {
  if (typeof error !== "object" || error === null) {
    return;
  }
  const paths = toldOf.get(error) ?? new Map<string, Told | undefined>();
  const isKnown = !paths.has(path) || paths.get(path)?.outcome === told.outcome;
  paths.set(path, isKnown ? told : undefined);
  toldOf.set(error, paths);
}

/** How many causes are looked at. An error of ours, or one that another middleware has wrapped, is a cause. */
const CAUSES_MAX = 10;

/**
 * What a client is told of its key, for transports that have no headers of their own for each call: `httpBatchStreamLink`
 * and WebSockets. Spread it into the `data` of an `errorFormatter`; a middleware can add
 * nothing there by itself. `useIdempotencyKey` reads it from the error that the client throws.
 *
 *     errorFormatter: ({ shape, error, path }) => ({
 *       ...shape,
 *       data: { ...shape.data, ...idempotencyData({ error, path }) },
 *     }),
 *
 * @returns `{ idempotency: { outcome, replayed } }`, or `{}` for a call that nothing is told of: it has no key, or did not
 * get as far as the middleware.
 */
export function idempotencyData({
  error,
  path,
}: {
  readonly error: TRPCError;
  readonly path: string | undefined;
}): IdempotencyData {
  let cause: unknown = error;
  for (let depth = 0; depth <= CAUSES_MAX && cause instanceof Error; depth += 1, cause = cause.cause) {
    const paths = toldOf.get(cause);
    if (path !== undefined && paths?.has(path) === true) {
      const { outcome, replayed = false } = paths.get(path) ?? {};
      return outcome === undefined ? {} : { idempotency: { outcome, replayed } };
    }
  }
  return {};
}
