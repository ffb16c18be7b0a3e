import { inspect } from "node:util";

/** Runs callbacks in order. The mutation is committed: whatever they throw cannot change its answer any more. */
export async function runCallbacks(callbacks: readonly (() => unknown)[]): Promise<void> {
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      const text = error instanceof Error ? error.message : inspect(error);
      const warning = new Error(`A callback given to afterCommit failed: ${text}`, { cause: error });
      warning.name = "OnceonlyAfterCommitWarning";
      process.emitWarning(warning);
    }
  }
}
