import type { Store, StoreSession } from "../contract/store.ts";
import { storeUnavailable } from "./run-errors.ts";

/**
 * Rethrows what a handler threw, or says that its database went away under it: then nothing of it is committed, and a retry
 * is safe, whatever the handler made of the error. An error that only looks like it, as of another server that the handler
 * calls, leaves the transaction intact.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`
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
    throw error;
  };
}
