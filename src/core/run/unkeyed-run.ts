import { randomUUID } from "node:crypto";
import type { UnkeyedContext } from "../contract/idempotency.ts";
import type { ResolvedRunOptions } from "../contract/options/options.ts";
import type { Store } from "../contract/store.ts";
import { runCallbacks } from "../outcome/after-commit.ts";
import { notStored, storeFailed } from "../outcome/run-errors.ts";
import { derivedKey } from "../request/identity.ts";
import { transactionLimits } from "./claim-params.ts";
import { rethrowing } from "./handler-errors.ts";
import { inHandlerTransaction } from "./handler-transaction.ts";

export const UNKEYED = "a call without a key";

/**
 * One transaction without a claim: the handler of a call without a key gets the same context as with one. Inside a handler it
 * is a savepoint in the transaction of that one.
 */
export async function runUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: (context: UnkeyedContext<TTransaction>) => Promise<T>,
): Promise<T> {
  const outer = store.runningHandler();
  const operation = outer?.operation ?? UNKEYED;
  const id = randomUUID();
  const end = await inHandlerTransaction(
    store,
    { limits: transactionLimits({ options }, { lockWaitMs: 0 }), operation },
    async (transaction) => {
      const value = await transaction
        .runHandler((clients) =>
          handler({
            ...clients,
            key: undefined,
            attempt: 1,
            deriveKey: (name) => derivedKey(id, name),
            afterCommit: (callback) => transaction.afterCommit.push(callback),
          }),
        )
        .catch(rethrowing(store, transaction.session, operation));
      return { value };
    },
  );
  if (end.state === "committed") {
    // Inside a handler, the store has given the callbacks to that one.
    if (outer === undefined) {
      await runCallbacks(end.afterCommit);
    }
    return end.value;
  }
  const fault = store.faultOf(end.error);
  if (outer !== undefined) {
    // There is no COMMIT: the savepoint was not released.
    throw end.state === "unknown"
      ? notStored({ operation }, `The handler of ${operation}`, fault, end.error)
      : end.error;
  }
  const isOurs = end.state === "rolled back" && end.during === "begin";
  throw isOurs ? storeFailed({ operation }, fault, end.error) : end.error;
}
