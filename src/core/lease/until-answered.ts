import { isIdempotencyError } from "../contract/errors/errors.ts";
import type { LeaseStore, Store, StoreFault } from "../contract/store.ts";
import { storeFailed } from "../outcome/run-errors.ts";
import { backOff } from "../retry/backoff.ts";
import { hedged } from "./hedged.ts";
import type { Lease } from "./lease.ts";

const PASSING: ReadonlySet<StoreFault | undefined> = new Set<StoreFault>([
  "unavailable",
  "read_only",
  "write_conflict",
  "lock_timeout",
]);

/** After this many milliseconds without an answer a statement is sent on another connection as well. */
const ANSWER_MS = 3_000;

/**
 * Sends a statement of a leased run until the database answers: a statement whose answer was lost may have been executed,
 * and what the step did outside must not be done again for want of a connection. Stops when the lease is lost.
 *
 * @throws {@link IdempotencyError} `LEASE_LOST`; `STORE_MISCONFIGURED` if repeating the statement makes no sense.
 */
export async function untilAnswered<T>(
  store: Store<unknown>,
  lease: Lease,
  send: (leases: LeaseStore) => Promise<T>,
): Promise<T> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await lease.whileHeld(hedged(() => send(store.leases), ANSWER_MS));
    } catch (error) {
      const fault = store.faultOf(error);
      if (!PASSING.has(fault)) {
        throw isIdempotencyError(error) ? error : storeFailed(lease, fault, error);
      }
    }
    await lease.whileHeld(backOff(retry));
  }
}
