import type { Statement, Write } from "./statement.ts";

/** Whatever sends our statements: a client, on which each commits by itself, or a transaction. */
export interface SqlClient {
  /** The rows that a statement returns. */
  rowsOf<TRow>(statement: Statement): Promise<TRow[]>;
  /** How many rows a statement has changed. */
  affectedRowsOf(statement: Write): Promise<number>;
}
