import type { UnkeyedContext } from "../contract/idempotency.ts";
import type { ResolvedRunOptions } from "../contract/options.ts";
import type { Store } from "../contract/store.ts";
import { runCallbacks } from "./after-commit.ts";
import { storeUnavailable } from "./run-errors.ts";

export const UNKEYED = "a call without a key";

/** One transaction without a claim: the handler of a call without a key gets the same `tx` as with one. */
export async function runUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: (context: UnkeyedContext<TTransaction>) => Promise<T>,
): Promise<T> {
  const { maxWaitMs, timeoutMs, isolationLevel } = options.transaction;
  const outer = store.runningHandler();
  const afterCommit: (() => unknown)[] = [];
  let began = false;
  try {
    const value = await store.transaction(
      { maxWaitMs, timeoutMs, isolationLevel, lockWaitMs: 0 },
      async (session) => {
        began = true;
        // Client extensions that repeat failed transactions call this more than once.
        afterCommit.length = 0;
        return session.lend({ operation: UNKEYED, afterCommit }, (tx) =>
          handler({ tx, afterCommit: (callback) => afterCommit.push(callback) }),
        );
      },
    );
    // Else the store has given them to the handler around this one.
    if (outer === undefined) {
      await runCallbacks(afterCommit);
    }
    return value;
  } catch (error) {
    // Inside a handler there is nothing to begin: what fails belongs to the handler's transaction.
    throw began || outer !== undefined ? error : storeUnavailable({ operation: UNKEYED }, error);
  }
}
