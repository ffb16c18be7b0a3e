import { TIMER_MS_MAX } from "../../core/browser/option-checks.ts";

/** Tells work that it is too late to begin. An `AbortSignal` would cost a kilobyte for each run under way. */
export interface Deadline {
  readonly isOver: boolean;
}

/** Rejects with what `errorOf()` gives if `begin` has not ended within `limitMs` milliseconds. */
export function endingWithin<T>(
  limitMs: number,
  errorOf: () => Error | Promise<Error>,
  begin: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = new Timer(limitMs, async () => reject(await errorOf()));
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
  isOver = false;

  constructor(limitMs: number, onEnd: () => Promise<void>) {
    this.#timer = setTimeout(
      () => {
        this.isOver = true;
        void onEnd();
      },
      Math.min(limitMs, TIMER_MS_MAX),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Carries the code of Prisma's own error for an expired transaction. */
export class ExpiredTransactionError extends Error {
  readonly code = "P2028";

  /** `hasNested`: whether a nested transaction was under way. */
  constructor(timeoutMs: number, hasNested: boolean) {
    super(
      `Transaction already closed: it did not end within ${timeoutMs} ms, the time of its claim included, and was rolled ` +
        `back. Have the handler do less, or raise option transaction.timeoutMs.${hasNested ? " A transaction nested in it was still under way (of $transaction, or of one root field among several). Statements outside it wait for it to end, so it must not await one of them." : ""}`,
    );
  }
}
