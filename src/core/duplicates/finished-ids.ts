// About 100 bytes each. At a thousand mutations a second, they reach back 10 to 20 seconds: most retries come sooner.
const GENERATION_SIZE = 10_000;

/**
 * Remembers which records this process has recently seen finished. A hint about what to ask the database first, never an
 * answer: the record may have expired or been deleted since.
 *
 * Two generations instead of an exact order: adding costs one insertion, and looking up changes nothing.
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
