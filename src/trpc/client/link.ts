import type { TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { createIdempotencyKey } from "../../core/new-key.ts";
import { idempotencyKeyOf } from "./input-key.ts";
import { beginOf, keyIn, rememberKeyed } from "./keyed.ts";

/**
 * A link that gives each mutation a key, in `context.idempotencyKey`, for {@link idempotencyHeaders} to send. All
 * attempts of a `retryLink` have the same key, whichever of the two stands first. A key that the call brings, in its
 * `context` or by {@link withIdempotencyKey}, is kept.
 *
 * One call is one intent: who calls again for the same intent brings the key.
 */
export function idempotencyLink<TRouter extends AnyTRPCRouter>(): TRPCLink<TRouter> {
  return () => {
    // An operation's id is unique within its client and stays when links copy the operation, as its object does not.
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
      return next(withKey);
    };
  };
}
