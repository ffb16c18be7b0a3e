import { randomUUID } from "node:crypto";
import { runCallbacks } from "./after-commit.ts";
import { unwrapped } from "./errors.ts";
import type { LeaseContext, LeaseHandler, UnkeyedContext } from "./idempotency.ts";
import { derivedKey } from "./key.ts";
import type { ResolvedRunOptions } from "./options.ts";
import { storeUnavailable } from "./run-errors.ts";
import { StepNames } from "./step-names.ts";
import type { Store } from "./store.ts";

const UNKEYED = "a call without a key";

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

/** Steps that are not recorded: the handler of a call without a key gets the same context as with one. */
export async function runLeasedUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: LeaseHandler<TTransaction, T, undefined>,
): Promise<T> {
  const id = randomUUID();
  const { signal } = new AbortController();
  const names = new StepNames(UNKEYED);
  const stepOf = (name: string) => {
    names.take(name, false);
    return { key: derivedKey(id, name), attempt: 1, signal };
  };
  const context: LeaseContext<TTransaction, undefined> = {
    key: undefined,
    attempt: 1,
    signal,
    deriveKey: (name) => derivedKey(id, name),
    step: async (name, execute) => execute(stepOf(name)),
    transaction: async (name, execute) => {
      const step = stepOf(name);
      return runUnkeyed(store, options, async ({ tx }) => execute({ ...step, tx }));
    },
  };
  try {
    return await handler(context);
  } catch (error) {
    throw unwrapped(error);
  }
}
