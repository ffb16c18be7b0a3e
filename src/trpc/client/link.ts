import type { Operation, TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { tap } from "@trpc/server/observable";
import { createIdempotencyKey } from "../../core/browser/new-key.ts";
import { OUTCOME, OUTCOME_HEADER, toldAt } from "../../core/browser/told-outcome.ts";
import { idempotencyKeyOf } from "./input-key.ts";
import { beginOf, keyIn, placeOf, rememberKeyed } from "./keyed.ts";

/**
 * A link that gives each mutation a key, in `context.idempotencyKey`, for {@link idempotencyHeaders} to send. All
 * attempts of a `retryLink` have the same key, whichever of the two links comes first. A key that the call already has,
 * in its `context` or from {@link withIdempotencyKey}, is kept.
 *
 * One call is one intent: to call again for the same intent, pass the same key.
 */
export function idempotencyLink<TRouter extends AnyTRPCRouter>(): TRPCLink<TRouter> {
  return () => {
    // An operation's id is unique within its client and survives links that copy the operation; the object does not.
    let client: string | undefined;
    return ({ op, next }) => {
      if (op.type !== "mutation") {
        return next(op);
      }
      rememberKeyed(op);
      client ??= createIdempotencyKey();
      const idempotencyKey = keyIn(op) ?? idempotencyKeyOf(op.input) ?? `${client}.${op.id}`;
      const withKey = { ...op, context: { ...op.context, idempotencyKey } };
      beginOf(withKey);
      return next(withKey).pipe(tap({ error: (error) => tellOutcome(error, withKey) }));
    };
  };
}

/** Leaves what a batch's header says of this call where `useIdempotencyKey` looks for it: the error names no place. */
function tellOutcome(error: { meta?: Record<string, unknown> | undefined }, op: Operation): void {
  const { response } = (error.meta ?? {}) as { readonly response?: Partial<Response> };
  const place = placeOf(op);
  const header = response?.headers?.get(OUTCOME_HEADER);
  if (header && place !== undefined) {
    // A copy: all errors of a batch have one object.
    error.meta = { ...error.meta, [OUTCOME]: toldAt(place, header) };
  }
}
