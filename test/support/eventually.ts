import { vi } from "vitest";

/**
 * Waits until `check` no longer throws. For tests of which several run at a time: `expect.poll` must know its test, and the end of
 * another makes it fail.
 */
export function eventually(check: () => unknown, interval = 50): Promise<unknown> {
  return vi.waitFor(check, { timeout: 120_000, interval });
}
