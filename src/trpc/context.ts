import { DEFAULT_NAME, providedClient } from "../core/adapter/provided-client.ts";
import { isOutside } from "../core/contract/client-kind.ts";
import type { LeaseContext, RunContext } from "../core/contract/idempotency.ts";
import { inTransactionMode } from "../core/contract/other-mode.ts";

/** What a handler finds as `ctx.idempotency`. `key` is `undefined` if a key is not required and none was sent. */
export interface MutationIdempotency extends Omit<RunContext<unknown, string | undefined>, "tx"> {}

/** What the middleware adds to `ctx`. */
export type ProvidedContext<TProvide extends string, TTransaction> = {
  readonly [TName in TProvide]: TTransaction;
} & { readonly idempotency: MutationIdempotency };

/** What a context must hold for option `provide`: a client, unless the name is the default. */
export type Holding<TProvide extends string> = TProvide extends typeof DEFAULT_NAME
  ? unknown
  : { readonly [TName in TProvide]: unknown };

/** The client that a handler finds: that of the context in its transaction, where the type of the context is known. */
export type ClientIn<TContext, TProvide extends string, TTransaction> = TContext extends {
  readonly [TName in TProvide]: infer TClient;
}
  ? TransactionClientOf<TClient, TTransaction>
  : TTransaction;

/** What the function given to `$transaction` of a client gets. */
type TransactionClientOf<TClient, TTransaction> = TClient extends {
  $transaction: (body: (tx: infer TOwn) => Promise<unknown>, ...rest: never[]) => unknown;
}
  ? TOwn
  : TTransaction;

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
  provide: string | undefined,
  ctx: unknown,
  { tx, ...idempotency }: { readonly tx: TTransaction } & MutationIdempotency,
): ProvidedContext<string, TTransaction> {
  const { join } = idempotency;
  const [name, client] = providedClient(provide, ctx ?? {}, { tx, join });
  return { [name]: client, idempotency: inTransactionMode(idempotency) } as ProvidedContext<
    string,
    TTransaction
  >;
}

/**
 * Looks at the context that the procedure had. tRPC gives it back with the result: not before, and not with an error.
 *
 * @throws TypeError if a middleware after ours has put another client in the place of the handler's.
 */
export function checkStillProvided(provide: string | undefined, path: string, result: object): void {
  const { ctx } = result as { readonly ctx?: Readonly<Record<string, unknown>> | null };
  const name = provide ?? DEFAULT_NAME;
  if (isOutside(ctx?.[name])) {
    throw new TypeError(
      `onceonly: a middleware of ${path} after idempotencyMiddleware has put a client of its own into the context as ${name}, ` +
        "where option provide puts the client of the transaction, so what the procedure wrote through it is no part of the " +
        "transaction; put that middleware before idempotencyMiddleware, or have it put ctx.idempotency.join(client) there.",
    );
  }
}
