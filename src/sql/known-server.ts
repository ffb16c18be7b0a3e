import type { ServerMake } from "./dialect.ts";
import type { Statement } from "./statement.ts";
import { StoreError } from "./store-error.ts";

type Send = (statement: Statement) => Promise<readonly { readonly version?: unknown }[]>;

/** Asks the server once what it is. */
export class KnownServer {
  readonly #send: Send;
  /** `undefined` where there is none, or nothing is left to ask. */
  #make: ServerMake | undefined;
  #known: Promise<void> | undefined;

  constructor(send: Send, make: ServerMake | undefined) {
    this.#send = send;
    this.#make = make;
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

  async #ask({ statement, reasonAgainst }: ServerMake): Promise<void> {
    const [row] = await this.#send(statement);
    const reason = reasonAgainst(String(row?.version));
    if (reason !== undefined) {
      throw new StoreError("misconfigured", reason);
    }
    this.#make = undefined;
  }
}
