import type { Statement, Write } from "./dialect/statement.ts";

/** Whatever sends our statements: a client, on which each commits by itself, or a transaction. */
export interface SqlClient {
  /** The rows that a statement returns. */
  rowsOf<TRow>(statement: Statement): Promise<TRow[]>;
  /** How many rows a statement has changed. */
  affectedRowsOf(statement: Write): Promise<number>;
  /** All of the work or nothing of it: in the transaction that this is, or in one of its own. */
  inTransaction<T>(work: (sql: SqlClient) => Promise<T>): Promise<T>;
}
