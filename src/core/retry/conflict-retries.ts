import type { Store } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

/** For one that waited for nobody and lost to another; half a minute passes with repetitions that lose all the time. */
const AT_COMMIT = 10;

/** How often a handler is executed again after write conflicts, where option `retryConflicts` does not say. */
export function conflictRetries(
  { conflictsAtCommit }: Store<unknown>,
  { options: { retryConflicts } }: Pick<PreparedRun, "options">,
): number {
  return retryConflicts ?? (conflictsAtCommit ? AT_COMMIT : 0);
}
