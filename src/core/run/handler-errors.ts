import type { StoreSession } from "../contract/store.ts";
import { storeFailed } from "./run-errors.ts";

/**
 * Rethrows what a handler threw, or says what was wrong with its database. If that went away under it, nothing of it is
 * committed, and a retry is safe, whatever the handler made of the error.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
 */
export function rethrowing(
  session: StoreSession<unknown>,
  operation: string,
): (error: unknown) => Promise<never> {
  return async (error) => {
    const under = await session.faultUnder(error);
    throw under === undefined ? error : storeFailed({ operation }, under.fault, under.error);
  };
}
