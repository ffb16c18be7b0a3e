import type { ConsoleIdempotency } from "./options.ts";
import type { Overview } from "./pages/overview.tsx";

const KEPT_MS = 30_000;
const DAY_MS = 24 * 3_600_000;

/** Counting reads all records of a day: it is done once for all who look within 30 seconds. */
export class OverviewCache {
  readonly #idempotency: ConsoleIdempotency;
  #current: Promise<Overview> | undefined;
  #until = 0;

  constructor(idempotency: ConsoleIdempotency) {
    this.#idempotency = idempotency;
  }

  read(): Promise<Overview> {
    if (this.#current === undefined || performance.now() >= this.#until) {
      // One that has not come yet is waited for, however long it takes.
      this.#until = Number.POSITIVE_INFINITY;
      this.#current = this.#count();
    }
    return this.#current;
  }

  async #count(): Promise<Overview> {
    try {
      const stats = await this.#idempotency.stats();
      const since = new Date(stats.now.getTime() - DAY_MS);
      const counts = await this.#idempotency.countByOperation({ since });
      this.#until = performance.now() + KEPT_MS;
      return { stats, counts, since };
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }
}
