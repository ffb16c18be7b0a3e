import type { StoreSession } from "../contract/store.ts";
import { storeUnavailable } from "./run-errors.ts";

/**
 * Rethrows what a handler threw, or says that its database went away under it: then nothing of it is committed, and a retry
 * is safe, whatever the handler made of the error.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`
 */
export function rethrowing(
  session: StoreSession<unknown>,
  operation: string,
): (error: unknown) => Promise<never> {
  return async (error) => {
    if (await session.isBroken(error)) {
      throw storeUnavailable({ operation }, error);
    }
    throw error;
  };
}
