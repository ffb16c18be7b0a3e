import type { LentTransaction } from "./lent-transaction.ts";

/** A promise of Prisma's, which sends its statement when it is first awaited. */
export interface PrismaPromise extends PromiseLike<unknown> {
  /** Has it send its statement in a transaction: so Prisma makes batches. */
  readonly requestTransaction?: (transaction: unknown) => PromiseLike<unknown>;
}

// Two copies of this package in one process do not share a symbol unless it is registered.
/** On promises that are sent in the transaction they were made in, wherever they are awaited. */
export const OF_TRANSACTION: unique symbol = Symbol.for("onceonly.of-transaction") as never;

export function isOfTransaction(promise: object): boolean {
  return Reflect.get(promise, OF_TRANSACTION) === true;
}

/** Whether it is a promise that is not under way yet. */
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
 * Has the statement sent in the transaction of `lent`. Extensions see from the first that it is in one: that of Prisma for
 * read replicas would else send its reads elsewhere.
 */
export function sentIn(lent: LentTransaction, promise: PrismaPromise): Promise<unknown> {
  const sent = promise.requestTransaction?.(lent.info) ?? promise;
  return Promise.resolve(sent.then((value) => value));
}
