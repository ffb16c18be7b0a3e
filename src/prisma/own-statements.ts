import type { Dialect } from "../sql/dialect.ts";
import { KnownServer } from "../sql/known-server.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import type { Statement, Write } from "../sql/statement.ts";
import { StoreError } from "../sql/store-error.ts";
import type { PrismaClientLike, RawClient } from "./client/client.ts";
import { endingWithin } from "./client/deadline.ts";
import { pastOverrides } from "./handler/own-class.ts";
import { outsideHandlers } from "./handler/scope.ts";
import { PrismaSql } from "./prisma-sql.ts";

const notKnownInTime = () => new StoreError("unavailable", "The server did not say in time what it is");

/** Sends our own statements outside of the transactions of runs, each so that it is committed once it is answered. */
export class OwnStatements implements SqlClient {
  readonly #engine: PrismaClientLike;
  readonly #sql: PrismaSql;
  readonly #commitsByItself: boolean;
  readonly #server: KnownServer;
  readonly #options: () => object;

  /** `engine` is the client without extensions, `optionsOf()` what its transactions take. */
  constructor(engine: PrismaClientLike, { capabilities, make }: Dialect, optionsOf: () => object) {
    this.#engine = engine;
    this.#sql = new PrismaSql(pastOverrides(engine, engine));
    this.#commitsByItself = capabilities.commitsByItself;
    this.#options = optionsOf;
    this.#server = new KnownServer((statement) => this.#sql.rowsOf(statement), make);
  }

  /**
   * Resolves when the server is known to be one that the statements are for. Nothing of ours is sent before.
   *
   * @throws StoreError `misconfigured` if it is another, `unavailable` if it does not say within `limitMs` milliseconds.
   */
  ready(limitMs: number): Promise<void> | undefined {
    const known = this.#server.known();
    return known && endingWithin(limitMs, notKnownInTime, () => known);
  }

  async rowsOf<TRow>(statement: Statement): Promise<TRow[]> {
    await this.#server.known();
    return this.#commitsByItself
      ? this.#sql.rowsOf<TRow>(statement)
      : this.inTransaction((sql) => sql.rowsOf<TRow>(statement));
  }

  async affectedRowsOf(statement: Write): Promise<number> {
    await this.#server.known();
    return this.#commitsByItself
      ? this.#sql.affectedRowsOf(statement)
      : this.inTransaction((sql) => sql.affectedRowsOf(statement));
  }

  /** With no more than one statement under way, of which an error is not caught, a transaction that vanishes is noticed. */
  async inTransaction<T>(work: (sql: SqlClient) => Promise<T>): Promise<T> {
    await this.#server.known();
    return outsideHandlers(
      () =>
        this.#engine.$transaction(
          async (tx: RawClient) => work(new PrismaSql(pastOverrides(this.#engine, tx))),
          this.#options(),
        ) as Promise<T>,
    );
  }
}
