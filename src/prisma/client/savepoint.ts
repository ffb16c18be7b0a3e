import { randomBytes } from "node:crypto";
import type { RawClient } from "./client.ts";

// A handler's own savepoint of the same name would take the place of ours, and its writes would survive. One name for the whole
// process, so that servers and poolers that keep statements by their text do not collect them. Made at the first use: Workers
// refuse random values while modules load.
let prefix: string | undefined;

export function savepointName(depth: number): string {
  prefix ??= `onceonly_${randomBytes(8).toString("hex")}`;
  return `${prefix}_${depth}`;
}

export const settingOf = (name: string): string => `SAVEPOINT ${name}`;

/** A point in a transaction to return to: the statements of SQL:1999, sent through `raw`. */
export class Savepoint {
  readonly #raw: RawClient;
  readonly #name: string;

  /** `depth` is that of a nested transaction: MariaDB and MySQL delete a savepoint when another takes its name. */
  constructor(raw: RawClient, depth = 0) {
    this.#raw = raw;
    this.#name = savepointName(depth);
  }

  async set(): Promise<void> {
    await this.#raw.$executeRawUnsafe(settingOf(this.#name));
  }

  async release(): Promise<void> {
    await this.#raw.$executeRawUnsafe(`RELEASE SAVEPOINT ${this.#name}`);
  }

  async rollBack(): Promise<void> {
    await this.#raw.$executeRawUnsafe(`ROLLBACK TO SAVEPOINT ${this.#name}`);
  }
}
