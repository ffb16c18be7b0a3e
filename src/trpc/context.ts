import type { LeaseContext, RunContext } from "../core/contract/idempotency.ts";

/** What a handler finds as `ctx.idempotency`. `key` is `undefined` if a key is not required and none was sent. */
export interface MutationIdempotency extends Omit<RunContext<unknown, string | undefined>, "tx"> {}

/** What the middleware adds to `ctx`. */
export type ProvidedContext<TProvide extends string, TTransaction> = {
  readonly [TName in TProvide]: TTransaction;
} & { readonly idempotency: MutationIdempotency };

/**
 * What a handler finds as `ctx.idempotency` in mode `lease`. `key` is the client's. It is `undefined` if a key is not
 * required and none was sent: steps are then not recorded, and derived keys are useful only within this execution.
 */
export interface LeasedMutationIdempotency<TTransaction>
  extends LeaseContext<TTransaction, string | undefined> {}

/** What the middleware adds to `ctx` in mode `lease`: no transaction, because each step has its own. */
export interface LeasedContext<TTransaction> {
  readonly idempotency: LeasedMutationIdempotency<TTransaction>;
}

/** A new object each time: tRPC shares one context among the calls of a batch. */
export function providedContext<TTransaction>(
  provide: string,
  { tx, ...idempotency }: { readonly tx: TTransaction } & MutationIdempotency,
): ProvidedContext<string, TTransaction> {
  return { [provide]: tx, idempotency } as ProvidedContext<string, TTransaction>;
}
