import type { Statement, Write } from "../sql/dialect/statement.ts";
import { StoreError } from "../sql/dialect/store-error.ts";
import type { SqlClient } from "../sql/sql-client.ts";
import { endingWithin } from "./client/deadline.ts";

/**
 * Gives up on a statement that is not answered in time, for those outside of runs that nothing else limits: on a connection that is dead they
 * would wait for ever. What is given up may yet be executed.
 */
export class TimelySql implements SqlClient {
  readonly #sql: SqlClient;
  readonly #limitMs: number;

  constructor(sql: SqlClient, limitMs: number) {
    this.#sql = sql;
    this.#limitMs = limitMs;
  }

  rowsOf<TRow>(statement: Statement): Promise<TRow[]> {
    return this.#within(() => this.#sql.rowsOf<TRow>(statement));
  }

  affectedRowsOf(statement: Write): Promise<number> {
    return this.#within(() => this.#sql.affectedRowsOf(statement));
  }

  inTransaction<T>(work: (sql: SqlClient) => Promise<T>): Promise<T> {
    return this.#within(() => this.#sql.inTransaction(work));
  }

  #within<T>(send: () => Promise<T>): Promise<T> {
    const late = () =>
      new StoreError("unavailable", `A statement was not answered within ${this.#limitMs} ms`);
    return endingWithin(this.#limitMs, late, send);
  }
}
