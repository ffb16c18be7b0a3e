/** A transaction of the server: what it has written, and where it may return to. */
import type { Row, Tables } from "./tables.ts";

export class Transaction {
  readonly name: string;
  readonly #tables: Tables;
  #writes = new Map<string, Row | undefined>();
  readonly #savepoints: { readonly name: string; readonly writes: Map<string, Row | undefined> }[] = [];
  readonly locked = new Set<string>();
  /** The versions of the rows that it has written, as they were. */
  readonly bases = new Map<string, number>();
  /** A statement of it has failed: it takes nothing more but its end, or the return to a savepoint. */
  isAborted = false;
  /** Another node has changed what it has written. */
  isDoomed = false;
  /** Ends its waiting for a lock. */
  cancel: (() => void) | undefined;
  /** Why rows were deleted, for the judge. */
  readonly deletions = new Map<string, "pruned" | "forgotten">();

  constructor(name: string, tables: Tables) {
    this.name = name;
    this.#tables = tables;
  }

  get writes(): ReadonlyMap<string, Row | undefined> {
    return this.#writes;
  }

  get(key: string): Row | undefined {
    return this.#writes.has(key) ? this.#writes.get(key) : this.#tables.get(key);
  }

  /** All rows as it sees them. */
  *rows(): Iterable<[string, Row]> {
    for (const [key, row] of this.#tables.entries()) {
      if (!this.#writes.has(key)) yield [key, row];
    }
    for (const [key, row] of this.#writes) {
      if (row !== undefined) yield [key, row];
    }
  }

  set(key: string, row: Row | undefined): void {
    if (!this.bases.has(key)) this.bases.set(key, this.#tables.versionOf(key));
    this.#writes.set(key, row);
  }

  setSavepoint(name: string): void {
    this.#savepoints.push({ name, writes: new Map(this.#writes) });
  }

  /** Returns whether there is one of that name. */
  rollBackTo(name: string): boolean {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    const found = this.#savepoints[index];
    if (found === undefined) return false;
    this.#savepoints.length = index + 1;
    this.#writes = new Map(found.writes);
    this.isAborted = false;
    return true;
  }

  release(name: string): boolean {
    const index = this.#savepoints.findLastIndex((savepoint) => savepoint.name === name);
    if (index < 0) return false;
    this.#savepoints.length = index;
    return true;
  }
}
