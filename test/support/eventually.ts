import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 120_000;

/**
 * Waits until `check` no longer throws. For tests of which several run at a time, as `expect.poll` must know its test and fails at the
 * end of another one; and for programs that are no tests.
 */
export async function eventually<T>(check: () => T | Promise<T>, intervalMs = 50): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await sleep(intervalMs);
  }
}
