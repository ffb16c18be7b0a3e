import { randomUUID } from "node:crypto";
import { runCallbacks } from "./after-commit.ts";
import { unwrapped } from "./errors.ts";
import type { LeaseContext, LeaseHandler, UnkeyedContext } from "./idempotency.ts";
import { derivedKey } from "./key.ts";
import type { ResolvedRunOptions } from "./options.ts";
import { storeUnavailable } from "./run-errors.ts";
import { StepNames } from "./step-names.ts";
import type { Store } from "./store.ts";

/** One transaction without a claim: the handler of a call without a key finds the same `tx` as with one. */
export async function runUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: (context: UnkeyedContext<TTransaction>) => Promise<T>,
): Promise<T> {
  const { maxWaitMs, timeoutMs, isolationLevel } = options.transaction;
  const callbacks: (() => unknown)[] = [];
  let began = false;
  try {
    const value = await store.transaction(
      { maxWaitMs, timeoutMs, isolationLevel, lockWaitMs: 0 },
      async (session) => {
        began = true;
        // Client extensions that repeat failed transactions call this more than once.
        callbacks.length = 0;
        try {
          return await handler({ tx: session.tx, afterCommit: (callback) => callbacks.push(callback) });
        } finally {
          await session.seal();
        }
      },
    );
    await runCallbacks(callbacks);
    return value;
  } catch (error) {
    throw began ? error : storeUnavailable({ operation: "a call without a key" }, error);
  }
}

/** Steps that are not recorded: the handler of a call without a key finds the same context as with one. */
export async function runLeasedUnkeyed<TTransaction, T>(
  store: Store<TTransaction>,
  options: ResolvedRunOptions,
  handler: LeaseHandler<TTransaction, T, undefined>,
): Promise<T> {
  const id = randomUUID();
  const { signal } = new AbortController();
  const names = new StepNames("a call without a key");
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
