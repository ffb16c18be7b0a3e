import type { Dialect } from "./dialect.ts";
import { faultOf } from "./faults.ts";
import { StoreError } from "./store-error.ts";

/**
 * The error to throw for one that says that a lock was waited for too long, of a statement that takes no lock. On a node of a cluster
 * it has waited for what the others have committed (`wsrep_sync_wait`), and the node is cut off from them.
 */
export function inVain(dialect: Dialect, error: unknown): StoreError | undefined {
  return dialect.capabilities.conflictsAtCommit !== false && faultOf(dialect, error) === "lock_timeout"
    ? new StoreError(
        "unavailable",
        "The database server waited in vain for what the other nodes of its cluster have",
        error,
      )
    : undefined;
}
