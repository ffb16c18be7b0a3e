import type { Store, StoreSession } from "../contract/store.ts";
import { storeUnavailable } from "./run-errors.ts";

/**
 * Rethrows what a handler threw, or says that its database went away under it: then nothing of it is committed, and a retry
 * is safe, whatever the handler made of the error. An error that only looks like it, as of another server that the handler
 * calls, leaves the transaction intact.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`
 * @throws as {@link throwIfVanished}
 */
export function rethrowing(
  store: Store<unknown>,
  session: StoreSession<unknown>,
  operation: string,
): (error: unknown) => Promise<never> {
  return async (error) => {
    if (store.faultOf(error) === "unavailable" && (await session.isBroken())) {
      throw storeUnavailable({ operation }, error);
    }
    await throwIfVanished(store, session);
    throw error;
  };
}

/**
 * For a handler that failed where transactions that conflict run side by side: it may have lost to another without being told. What it
 * wrote is then gone, its next read does not find that, and the error only reflects it.
 *
 * @throws a write conflict.
 */
export async function throwIfVanished(store: Store<unknown>, session: StoreSession<unknown>): Promise<void> {
  const reason = store.conflictsAtCommit ? await session.whyVanished() : undefined;
  if (store.faultOf(reason) === "write_conflict") {
    throw reason;
  }
}
