/** A limited number of turns, taken in the order of asking. */
export class Turns {
  readonly #queue: Set<() => void> = new Set();
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  /** Returns whether there was a turn within `limitMs` milliseconds. */
  async take(limitMs: number): Promise<boolean> {
    if (this.#left > 0) {
      this.#left -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const end = (isTaken: boolean) => {
        clearTimeout(timer);
        this.#queue.delete(take);
        resolve(isTaken);
      };
      const take = () => end(true);
      const timer = setTimeout(end, limitMs, false);
      this.#queue.add(take);
    });
  }

  /** Leaves a turn to the next one. */
  pass(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#left += 1;
    } else {
      next();
    }
  }
}
