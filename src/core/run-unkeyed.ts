import { runCallbacks } from "./after-commit.ts";
import type { UnkeyedContext } from "./idempotency.ts";
import type { ResolvedRunOptions } from "./options.ts";
import type { Store } from "./store.ts";
import { storeUnavailable } from "./waiting.ts";

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
