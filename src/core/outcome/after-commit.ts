import { told } from "../contract/callbacks.ts";

/** Runs callbacks in order. The mutation is committed: whatever they throw can no longer change its answer. */
export async function runCallbacks(callbacks: readonly (() => unknown)[]): Promise<void> {
  for (const callback of callbacks) {
    await told("OnceonlyAfterCommitWarning", "A callback given to afterCommit failed", callback);
  }
}
