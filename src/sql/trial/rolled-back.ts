import type { SqlClient } from "../sql-client.ts";

/** What `work` resolves with, in a transaction that leaves nothing. */
export async function rolledBack<T>(sql: SqlClient, work: (sql: SqlClient) => Promise<T>): Promise<T> {
  let done: { readonly value: T } | undefined;
  try {
    await sql.inTransaction(async (transaction) => {
      done = { value: await work(transaction) };
      throw new Rollback();
    });
  } catch (error) {
    if (!(error instanceof Rollback) || done === undefined) {
      throw error;
    }
  }
  if (done === undefined) {
    throw new Error("onceonly: a transaction was not begun");
  }
  return done.value;
}

/** Ends a transaction without a trace. */
class Rollback extends Error {}
