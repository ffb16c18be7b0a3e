import { inProgress } from "../outcome/run-errors.ts";
import type { PreparedRun } from "../request/prepare.ts";

/** Counts those that wait in memory, so that nobody can fill it with duplicates. */
export class Waiters {
  #all = 0;
  readonly #byScope: Map<string, number> = new Map();

  /**
   * Counts `run` while it waits. `sameKey` wait for the same key already.
   *
   * @throws {@link IdempotencyError} `IN_PROGRESS` if too many wait already.
   */
  async during<T>(run: PreparedRun, sameKey: number, wait: () => Promise<T>): Promise<T> {
    const { scope, options } = run;
    const { waitersMax, scopeWaitersMax, allWaitersMax } = options;
    const ofScope = this.#byScope.get(scope) ?? 0;
    if (sameKey >= waitersMax || ofScope >= scopeWaitersMax || this.#all >= allWaitersMax) {
      throw inProgress(run);
    }
    this.#all += 1;
    this.#byScope.set(scope, ofScope + 1);
    try {
      return await wait();
    } finally {
      this.#all -= 1;
      const left = (this.#byScope.get(scope) as number) - 1;
      if (left === 0) {
        this.#byScope.delete(scope);
      } else {
        this.#byScope.set(scope, left);
      }
    }
  }
}
