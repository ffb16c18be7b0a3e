import { createHash } from "node:crypto";
import type { Idempotency } from "../core/contract/idempotency.ts";
import { SCOPE } from "./scope.ts";

interface Counted {
  readonly idempotency: Idempotency<unknown>;
  readonly consumer: string;
  readonly attemptsMax: number;
}

/**
 * Decides how often a message is tried. A transaction that was rolled back leaves no trace of its attempt, so either the
 * broker counts deliveries, or marks in the database count failures. Marks are records of their own, and expire with the
 * rest.
 */
export class Attempts {
  readonly #counted: Counted;
  readonly #key: string;

  constructor(counted: Counted, key: string) {
    this.#counted = counted;
    this.#key = key;
  }

  /** Whether the attempt that has just failed was the last. */
  async isLast(deliveries: number | undefined): Promise<boolean> {
    const { attemptsMax } = this.#counted;
    if (deliveries !== undefined) {
      return deliveries >= attemptsMax;
    }
    try {
      for (let failure = 1; failure <= attemptsMax; failure += 1) {
        if (await this.#mark(`failure ${failure}`)) {
          return failure === attemptsMax;
        }
      }
      return true;
    } catch {
      // A failure to count is no reason to hide the handler's own error.
      return false;
    }
  }

  /**
   * Whether no further attempt may be made, by the count of the broker or of a leased run's record. That also rises while the database is
   * away, so it proves nothing against a message: past the limit there is one last attempt, marked before it begins.
   * Whoever finds the mark knows that the attempt ended its process.
   */
  async isSpent(deliveries: number | undefined): Promise<boolean> {
    return (
      deliveries !== undefined &&
      deliveries > this.#counted.attemptsMax &&
      !(await this.#mark("last attempt"))
    );
  }

  /** @returns whether the mark is new. */
  async #mark(name: string): Promise<boolean> {
    const { idempotency, consumer } = this.#counted;
    const key = createHash("sha256").update(`${name}:${this.#key}`).digest("base64url");
    const request = { operation: `${consumer} attempts`, key, scope: SCOPE };
    const { replayed } = await idempotency.run(request, async () => name);
    return !replayed;
  }
}
