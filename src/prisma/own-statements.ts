import type { Dialect } from "../sql/dialect/dialect.ts";
import type { Statement, Write } from "../sql/dialect/statement.ts";
import { StoreError } from "../sql/dialect/store-error.ts";
import { KnownServer } from "../sql/known-server.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import type { TransactionRules } from "./client/adapter-transaction.ts";
import type { PrismaClientLike, RawClient } from "./client/client.ts";
import { endingWithin } from "./client/deadline.ts";
import { type AdapterFactory, withDriverTransaction } from "./client/driver.ts";
import { pastOverrides } from "./handler/own-class.ts";
import { inHandler, outsideHandlers } from "./handler/scope.ts";
import { PrismaSql } from "./prisma-sql.ts";

const notKnownInTime = (limitMs: number) =>
  new StoreError(
    "unavailable",
    `The server did not say within ${limitMs} ms what it is: it is away, or address, user, password or database of the connection ` +
      "are wrong. check() of the object that createIdempotency returned waits longer, and tells the driver's reason.",
  );

/** Sends our own statements outside of the transactions of runs, each so that it is committed once it is answered. */
export class OwnStatements implements SqlClient {
  readonly #engine: PrismaClientLike;
  readonly #adapter: AdapterFactory | undefined;
  readonly #rules: TransactionRules;
  readonly #sql: PrismaSql;
  readonly #commitsByItself: boolean;
  readonly #server: KnownServer;
  readonly #options: () => object;

  /** `engine` is the client without extensions, over `adapter`; `optionsOf()` is what its transactions take. */
  constructor(
    engine: PrismaClientLike,
    adapter: AdapterFactory | undefined,
    dialect: Dialect,
    optionsOf: () => object,
  ) {
    this.#engine = engine;
    this.#adapter = adapter;
    this.#rules = dialect.capabilities;
    this.#sql = new PrismaSql(pastOverrides(engine, engine));
    this.#commitsByItself = dialect.capabilities.commitsByItself;
    this.#options = optionsOf;
    this.#server = new KnownServer((statement) => this.#sql.rowsOf(statement), dialect);
  }

  /** As in the capabilities; `false` while nothing has been sent. */
  get conflictsAtCommit(): boolean {
    return this.#server.conflictsAtCommit;
  }

  /**
   * Resolves when the server is known to be one that the statements are for. Nothing of ours is sent before.
   *
   * @throws StoreError `misconfigured` if it is another, `unavailable` if it does not say within `limitMs` milliseconds.
   */
  ready(limitMs: number): Promise<void> | undefined {
    const known = this.#server.known();
    return (
      known &&
      endingWithin(
        limitMs,
        () => notKnownInTime(limitMs),
        () => known,
      )
    );
  }

  async rowsOf<TRow>(statement: Statement): Promise<TRow[]> {
    await this.#server.known();
    // Where one that has lost to another is repeated by the server, or its transaction replayed, the rows are of no use: seen on
    // Galera were those of both attempts, one after another, and none at all, for which the driver then waited for ever.
    const commitsByItself =
      this.#commitsByItself && !(statement.writes === true && this.#server.conflictsAtCommit);
    return commitsByItself
      ? this.#sql.rowsOf<TRow>(statement)
      : this.inTransaction((sql) => sql.rowsOf<TRow>(statement));
  }

  async affectedRowsOf(statement: Write): Promise<number> {
    await this.#server.known();
    const { fence } = statement;
    if (fence !== undefined && this.#server.conflictsAtCommit) {
      return this.inTransaction(async (sql) =>
        (await sql.affectedRowsOf(fence)) === 0 ? 0 : sql.affectedRowsOf(statement),
      );
    }
    return this.#commitsByItself
      ? this.#sql.affectedRowsOf(statement)
      : this.inTransaction((sql) => sql.affectedRowsOf(statement));
  }

  /**
   * With no more than one statement under way, of which an error is not caught, a transaction that vanishes is noticed; but not one
   * that vanishes without an error, as on a cluster.
   */
  async inTransaction<T>(work: (sql: SqlClient) => Promise<T>): Promise<T> {
    await this.#server.known();
    const options = { inHandler, followers: undefined, rules: this.#rules };
    return outsideHandlers(() =>
      withDriverTransaction(
        this.#adapter,
        options,
        (driver) =>
          this.#engine.$transaction(async (tx: RawClient) => {
            if (this.#server.conflictsAtCommit) {
              driver();
            }
            return work(new PrismaSql(pastOverrides(this.#engine, tx)));
          }, this.#options()) as Promise<T>,
      ),
    );
  }
}
