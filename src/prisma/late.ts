// A longer timer of JavaScript would fire at once.
export const TIMER_MS_MAX: number = 2 ** 31 - 1;
const LATE_MS = 1_000;

/**
 * Prisma rolls a late transaction back, but its promise ends only when the handler does, which may be never; the key
 * would be blocked in this process as long.
 */
export async function endingBy<T>(limitMs: number, transaction: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new LateTransactionError(limitMs)),
      Math.min(limitMs + LATE_MS, TIMER_MS_MAX),
    );
  });
  try {
    return await Promise.race([transaction, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Has the code of Prisma's own error for an expired transaction. */
class LateTransactionError extends Error {
  readonly code = "P2028";

  constructor(limitMs: number) {
    super(`Transaction already closed: its handler did not end within ${limitMs} ms, and was rolled back.`);
  }
}
