import type { Store } from "../contract/store.ts";
import { storeFailed } from "../outcome/run-errors.ts";
import { backOff } from "./backoff.ts";

/** Others that do the same cannot always be passed over: not on SQLite, nor on another node of a cluster. */
const CONFLICTS_MAX = 20;

/**
 * Sends a statement that stands for itself, and again after each write conflict, 20 times at most.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
 */
export async function pastConflicts<T>(
  store: Store<unknown>,
  operation: string,
  send: () => Promise<T>,
): Promise<T> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await send();
    } catch (error) {
      const fault = store.faultOf(error);
      if (fault !== "write_conflict" || retry === CONFLICTS_MAX) {
        throw storeFailed({ operation }, fault, error);
      }
    }
    await backOff(retry);
  }
}
