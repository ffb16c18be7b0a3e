import { TIMER_MS_MAX } from "../core/misuse.ts";

const LATE_MS = 1_000;

/**
 * Prisma rolls a late transaction back, but its promise ends only when the handler does, which may be never; the key
 * would be blocked in this process as long. `over` is aborted then: a transaction that begins later must not go on.
 */
export async function endingBy<T>(limitMs: number, begin: (over: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => {
        over.abort(new LateTransactionError(limitMs));
        reject(over.signal.reason as LateTransactionError);
      },
      Math.min(limitMs + LATE_MS, TIMER_MS_MAX),
    );
  });
  try {
    return await Promise.race([begin(over.signal), late]);
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
