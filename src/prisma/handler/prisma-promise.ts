import type { LentTransaction } from "./lent-transaction.ts";
import { OF_TRANSACTION } from "./shared-symbols.ts";

/** A promise of Prisma's. It sends its statement when it is first awaited. */
export interface PrismaPromise extends PromiseLike<unknown> {
  /** Sends the statement in a transaction; Prisma makes batches with it. */
  readonly requestTransaction?: (transaction: unknown) => PromiseLike<unknown>;
}

export function isOfTransaction(promise: object): boolean {
  return Reflect.get(promise, OF_TRANSACTION) === true;
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
 * Sends the statement in the transaction of `lent`. All extensions see that it is in one: Prisma's for read replicas would
 * otherwise send reads elsewhere.
 */
export function sentIn(lent: LentTransaction, promise: PrismaPromise): Promise<unknown> {
  const sent = promise.requestTransaction?.(lent.info) ?? promise;
  return Promise.resolve(sent.then((value) => value));
}
