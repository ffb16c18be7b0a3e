/** Runs callbacks in order. The mutation is committed: whatever they throw cannot change its answer any more. */
export async function runCallbacks(callbacks: readonly (() => unknown)[]): Promise<void> {
  for (const callback of callbacks) {
    try {
      await callback();
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), {
        type: "OnceonlyAfterCommitWarning",
      });
    }
  }
}
