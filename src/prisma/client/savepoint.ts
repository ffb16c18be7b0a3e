import type { RawClient } from "./client.ts";

/** A point in a transaction to return to: the statements of SQL:1999, sent through `raw`. */
export class Savepoint {
  readonly #raw: RawClient;
  readonly #name: string;

  constructor(raw: RawClient, name: string) {
    this.#raw = raw;
    this.#name = name;
  }

  async set(): Promise<void> {
    await this.#raw.$executeRawUnsafe(`SAVEPOINT ${this.#name}`);
  }

  async release(): Promise<void> {
    await this.#raw.$executeRawUnsafe(`RELEASE SAVEPOINT ${this.#name}`);
  }

  async rollBack(): Promise<void> {
    await this.#raw.$executeRawUnsafe(`ROLLBACK TO SAVEPOINT ${this.#name}`);
  }
}
