import type { Operation, TRPCLink } from "@trpc/client";
import type { AnyTRPCRouter } from "@trpc/server";
import { tap } from "@trpc/server/observable";
import { createIdempotencyKey } from "../../core/browser/new-key.ts";
import { checkFunction, checkNames } from "../../core/browser/option-checks.ts";
import { OUTCOME, OUTCOME_HEADER, toldAt } from "../../core/browser/told-outcome.ts";
import { idempotencyKeyOf } from "./input-key.ts";
import { beginOf, isKeyed, keyIn, placeOf, rememberKeyed } from "./keyed.ts";

/** A mutation that has no key yet. */
export type OutgoingMutation = Readonly<Pick<Operation, "path" | "input" | "context">>;

/** Options of {@link idempotencyLink}. */
export interface IdempotencyLinkOptions {
  /**
   * Whether a mutation without a key gets one, and with it the retries of {@link retryIdempotent}. Only a mutation that the
   * server protects may: any other one is executed again by each retry. Default: all mutations.
   */
  readonly shouldKey?: (mutation: OutgoingMutation) => boolean;
}

/**
 * A link that gives each mutation a key, in `context.idempotencyKey`, for {@link idempotencyHeaders} to send. All
 * attempts of a `retryLink` have the same key, whichever of the two links comes first. A key that the call already has,
 * in its `context` or from {@link withIdempotencyKey}, is kept.
 *
 * One call is one intent: to call again for the same intent, pass the same key.
 *
 * The server must protect every mutation that gets a key (`auditRouter` lists those that it does not): leave out the others
 * with `shouldKey`.
 *
 * @throws TypeError for an option that cannot be used
 */
export function idempotencyLink<TRouter extends AnyTRPCRouter>(
  options: IdempotencyLinkOptions = {},
): TRPCLink<TRouter> {
  const { shouldKey = () => true } = options;
  const settings: Required<IdempotencyLinkOptions> = { shouldKey };
  checkNames(options, Object.keys(settings));
  checkFunction("shouldKey", shouldKey, '({ path }) => path !== "log"');
  return () => {
    // An operation's id is unique within its client and survives links that copy the operation; the object does not.
    let client: string | undefined;
    return ({ op, next }) => {
      const given = keyIn(op) ?? idempotencyKeyOf(op.input);
      const hasKey = op.type === "mutation" && (given !== undefined || isKeyed(op) || shouldKey(op));
      if (!hasKey) {
        return next(op);
      }
      rememberKeyed(op);
      client ??= createIdempotencyKey();
      const idempotencyKey = given ?? `${client}.${op.id}`;
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
