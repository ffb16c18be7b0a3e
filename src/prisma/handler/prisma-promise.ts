import type { HandlerTransaction } from "./handler-transaction.ts";
import { sending } from "./scope.ts";
import { OF_TRANSACTION, STATEMENT } from "./shared-symbols.ts";

/** A promise of Prisma's. It sends its statement when it is first awaited. */
export interface PrismaPromise extends PromiseLike<unknown> {
  /** Sends the statement in a transaction; Prisma makes batches with it. */
  readonly requestTransaction?: (transaction: unknown) => PromiseLike<unknown>;
}

/** A statement that was made in a handler, for its transaction. */
export interface HandlerStatement {
  readonly transaction: HandlerTransaction;
  /** Sends it, again if it has been sent: a batch sends its statements whatever became of them before. */
  send(): Promise<unknown>;
}

/** What stands behind a promise that a handler's client returned. */
export function handlerStatementOf(promise: object): HandlerStatement | undefined {
  return Reflect.get(promise, OF_TRANSACTION) as HandlerStatement | undefined;
}

/** Whether `value` is a promise whose work has not begun. */
export function isLazy(value: unknown): value is PrismaPromise {
  return (
    typeof value === "object" &&
    value !== null &&
    "then" in value &&
    typeof value.then === "function" &&
    !(value instanceof Promise)
  );
}

/**
 * Sends the statement in the transaction of `transaction`, again if it has been sent. All extensions see that it is in one:
 * Prisma's for read replicas would otherwise send reads elsewhere.
 */
export function sentIn(transaction: HandlerTransaction, promise: PrismaPromise): Promise<unknown> {
  return sending((statement) => {
    const sent = promise.requestTransaction?.(forOneSending(transaction.info, statement)) ?? promise;
    return Promise.resolve(sent.then((value) => value));
  });
}

/**
 * Prisma keeps the result of a promise that it has sent in an interactive transaction. In 6.19 and 7.10, `callback` in
 * packages/client/src/runtime/core/request/createPrismaPromise.ts asks for the `kind` first, and only then for the rest: if
 * that is another kind, as of a batch, the promise is sent anew. `test/ambient/batches.test.ts` notices another order.
 */
function forOneSending(info: object, statement: object): object {
  let isAsked = false;
  return {
    ...info,
    [STATEMENT]: statement,
    get kind(): unknown {
      const answer: unknown = isAsked ? Reflect.get(info, "kind") : "onceonly";
      isAsked = true;
      return answer;
    },
  };
}

/** The name of the statement that is sent with `info`. */
export function statementIn(info: unknown): object | undefined {
  return (info as { readonly [STATEMENT]?: object } | undefined)?.[STATEMENT];
}
