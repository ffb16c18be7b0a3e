// About 100 bytes each. At a thousand mutations a second, they reach 10 to 20 seconds back: most retries come sooner.
const GENERATION_SIZE = 10_000;

/**
 * Remembers which records this process has lately seen finished. A hint for what to ask the database first, never an
 * answer: a record may have expired, or be deleted, since.
 *
 * Two generations instead of an exact order: adding costs one insertion, and asking changes nothing.
 */
export class FinishedIds {
  readonly #size: number;
  #young: Set<string> = new Set();
  #old: Set<string> = new Set();

  constructor(size: number = GENERATION_SIZE) {
    this.#size = size;
  }

  add(id: string): void {
    this.#young.add(id);
    if (this.#young.size === this.#size) {
      this.#old = this.#young;
      this.#young = new Set();
    }
  }

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }
}
