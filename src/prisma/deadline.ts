import { TIMER_MS_MAX } from "../core/misuse.ts";

/** Tells work that it is too late to begin. An `AbortSignal` would be a kilobyte for each run under way. */
export interface Deadline {
  throwIfOver(): void;
}

/**
 * Rejects with `errorOf` where `begin` has not ended within `limitMs` milliseconds. Prisma rolls a late transaction back,
 * but its promise ends only when the handler does, which may be never; the key would be blocked in this process as long.
 */
export function endingWithin<T>(
  limitMs: number,
  errorOf: () => Error,
  begin: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = new Timer(limitMs, errorOf, reject);
    const stop =
      <TEnd>(settle: (end: TEnd) => void) =>
      (end: TEnd) => {
        timer.stop();
        settle(end);
      };
    try {
      begin(timer).then(stop(resolve), stop(reject));
    } catch (error) {
      stop(reject)(error);
    }
  });
}

class Timer implements Deadline {
  readonly #timer: NodeJS.Timeout;
  #error: Error | undefined;

  constructor(limitMs: number, errorOf: () => Error, reject: (error: Error) => void) {
    this.#timer = setTimeout(
      () => {
        this.#error = errorOf();
        reject(this.#error);
      },
      Math.min(limitMs, TIMER_MS_MAX),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  throwIfOver(): void {
    if (this.#error !== undefined) {
      throw this.#error;
    }
  }
}

/** Has the code of Prisma's own error for an expired transaction. */
export class ExpiredTransactionError extends Error {
  readonly code = "P2028";

  /** `hasNested`: whether a nested transaction was under way. */
  constructor(timeoutMs: number, hasNested: boolean) {
    super(
      `Transaction already closed: it did not end within ${timeoutMs} ms, the time of its claim included, and was rolled ` +
        `back.${hasNested ? " A $transaction in its handler was under way, for which statements from outside of it wait: it must not await one." : ""}`,
    );
  }
}
