import { vi } from "vitest";

/**
 * Waits until `check` no longer throws. For tests of which several run at a time: `expect.poll` must know its test, and the end of
 * another makes it fail.
 */
export function eventually<T>(check: () => T | Promise<T>, interval = 50): Promise<T> {
  return vi.waitFor(check, { timeout: 120_000, interval });
}
