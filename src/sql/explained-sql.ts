import type { Dialect } from "./dialect/dialect.ts";
import { faultOf, isDenial, setUpErrorOf } from "./dialect/faults.ts";
import type { Names } from "./dialect/names.ts";
import type { Statement, Write } from "./dialect/statement.ts";
import { StoreError } from "./dialect/store-error.ts";
import { folderOf } from "./dialects.ts";
import type { SqlClient } from "./sql-client.ts";

/** Sends our own statements, and explains the errors of those that meet a wrong set-up. */
export class ExplainedSql implements SqlClient {
  readonly #sql: SqlClient;
  readonly #dialect: Dialect;
  readonly #names: Names;

  constructor(sql: SqlClient, dialect: Dialect, names: Names) {
    this.#sql = sql;
    this.#dialect = dialect;
    this.#names = names;
  }

  rowsOf<TRow>(statement: Statement): Promise<TRow[]> {
    return this.#explaining(this.#sql.rowsOf<TRow>(statement));
  }

  affectedRowsOf(statement: Write): Promise<number> {
    return this.#explaining(this.#sql.affectedRowsOf(statement));
  }

  inTransaction<T>(work: (sql: SqlClient) => Promise<T>): Promise<T> {
    return this.#explaining(this.#sql.inTransaction(work));
  }

  async #explaining<T>(sent: Promise<T>): Promise<T> {
    try {
      return await sent;
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** The error to throw for one of the database: for that of a wrong set-up, one that says what to do. */
  explained(error: unknown): unknown {
    if (error instanceof StoreError || faultOf(this.#dialect, error) !== "misconfigured") {
      return error;
    }
    const known = setUpErrorOf(this.#dialect, error);
    if (known !== undefined) {
      return known;
    }
    const { record, step } = this.#names;
    if (isDenial(this.#dialect, error)) {
      return new StoreError(
        "misconfigured",
        `The user of the connection lacks a privilege on ${record.table} or ${step.table}; check() of the object that ` +
          "createIdempotency returned names it, with its GRANT.",
        error,
      );
    }
    return new StoreError(
      "misconfigured",
      `The database refuses to work with ${record.table} and ${step.table}: one of them is missing or of another version, ` +
        "or may not be used by this user; check() of the object that createIdempotency returned says which. Migrate the " +
        "models IdempotencyRecord and IdempotencyStep, or apply " +
        `${folderOf(this.#dialect)}/idempotency.sql of the package onceonly.`,
      error,
    );
  }
}
