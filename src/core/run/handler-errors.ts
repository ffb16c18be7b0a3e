import type { Store, StoreSession } from "../contract/store.ts";
import { storeFailed } from "../outcome/run-errors.ts";

/**
 * Rethrows what a handler threw, or says what was wrong with its database. If that went away under it, nothing of it is
 * committed, and a retry is safe, whatever the handler made of the error.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
 * @throws as {@link throwIfVanished}
 */
export function rethrowing(
  store: Store<unknown>,
  session: StoreSession<unknown>,
  operation: string,
): (error: unknown) => Promise<never> {
  return async (error) => {
    const under = await session.faultUnder(error);
    if (under !== undefined) {
      throw storeFailed({ operation }, under.fault, under.error);
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
