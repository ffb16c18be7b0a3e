/** Choices that a seed repeats. Each part of the world has a stream of its own, so that one part left out changes the others little. */
import { type Random, seeded } from "../../chaos/seeded.ts";

export class Choices {
  readonly #random: Random;

  constructor(seed: number, stream: string) {
    this.#random = seeded(hashOf(`${seed} ${stream}`));
  }

  /** In [0, 1). */
  next(): number {
    return this.#random.next();
  }

  /** Whether something of this probability happens. */
  happens(probability: number): boolean {
    return this.next() < probability;
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  whole(least: number, most: number): number {
    return Math.floor(this.between(least, most + 1));
  }

  of<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  /** Small times are as likely as large ones. */
  logarithmic(least: number, most: number): number {
    return Math.exp(this.between(Math.log(least), Math.log(most)));
  }
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}
