// The global ones give numbers in Workers of before 2026-02-10, and those have no `unref`.
import { clearTimeout, setTimeout } from "node:timers";

/**
 * Waits for what the application's own code answers, up to `limitMs` milliseconds. The process stays alive for it, unless told otherwise.
 *
 * @throws what the answer throws; Error if it is late.
 */
export async function withinLimit<T>(answer: Promise<T>, limitMs: number, keepsProcess = true): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
    if (!keepsProcess) {
      timer.unref();
    }
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
