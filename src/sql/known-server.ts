import type { Dialect } from "./dialect/dialect.ts";
import type { Statement } from "./dialect/statement.ts";
import { StoreError } from "./dialect/store-error.ts";

type Send = (statement: Statement) => Promise<readonly SaidRow[]>;

/** The columns are named as the servers do. */
interface SaidRow {
  readonly Variable_name: string;
  readonly Value: string;
}

/** Asks the server once what it is. */
export class KnownServer {
  readonly #send: Send;
  /** `undefined` where there is none, or nothing is left to ask. */
  #make: Dialect["make"];
  #conflictsAtCommit: boolean;
  #known: Promise<void> | undefined;

  constructor(send: Send, { make, capabilities }: Pick<Dialect, "make" | "capabilities">) {
    this.#send = send;
    this.#make = make;
    this.#conflictsAtCommit = capabilities.conflictsAtCommit === true;
  }

  /** As in the capabilities; `false` as long as the server has to be asked. */
  get conflictsAtCommit(): boolean {
    return this.#conflictsAtCommit;
  }

  /**
   * Resolves when it is known to be one that the statements are for; `undefined` once it is, or where there is no other.
   *
   * @throws StoreError `misconfigured` if it is another.
   */
  known(): Promise<void> | undefined {
    if (this.#make === undefined) {
      return undefined;
    }
    this.#known ??= this.#ask(this.#make).finally(() => {
      // If that failed, it is asked again: it may not have been there, or be replaced.
      this.#known = undefined;
    });
    return this.#known;
  }

  async #ask({ statement, describe }: NonNullable<Dialect["make"]>): Promise<void> {
    const rows = await this.#send(statement);
    const { reasonAgainst, conflictsAtCommit } = describe(
      new Map(rows.map((row) => [row.Variable_name, row.Value])),
    );
    if (reasonAgainst !== undefined) {
      throw new StoreError("misconfigured", reasonAgainst);
    }
    this.#conflictsAtCommit ||= conflictsAtCommit;
    this.#make = undefined;
  }
}
