/** What the database has in the end, in the form that it is checked in. */
import type { Row, SoakDatabase } from "../databases/database.ts";
import type { Order, RecordOfKey, Stored } from "./check.ts";

const PAGE = 20_000;

type Query = (sql: string) => Promise<Row[]>;

/** All rows of a table, in the order of a column that may have the same value in a few of them. */
async function* rowsOf(query: Query, columns: string, table: string, by: string): AsyncGenerator<Row> {
  const column = by.replaceAll('"', "");
  const select = `SELECT ${columns} FROM ${table} WHERE ${by}`;
  for (let after = ""; ; ) {
    const rows = await query(`${select} > '${after}' ORDER BY ${by} LIMIT ${PAGE}`);
    if (rows.length === 0) return;
    // Those of the last value may go on behind the page.
    const last = String(rows.at(-1)?.[column]);
    yield* rows.filter((row) => String(row[column]) !== last);
    yield* await query(`${select} = '${last}'`);
    after = last;
  }
}

async function* ordersOf(query: Query): AsyncGenerator<Order> {
  for await (const row of rowsOf(query, 'id, "key", customer, item, quantity', '"Order"', '"key"')) {
    const { id, key, customer, item, quantity } = row;
    yield {
      orderId: String(id),
      intent: String(key),
      by: String(customer),
      item: String(item),
      quantity: Number(quantity),
    };
  }
}

async function* recordsOf(query: Query): AsyncGenerator<RecordOfKey> {
  for await (const { key, status } of rowsOf(query, 'id, "key", status', "idempotency_record", "id")) {
    yield { key: String(key), status: String(status) };
  }
}

export async function storedIn(database: SoakDatabase, node: number): Promise<Stored> {
  const query: Query = (sql) => database.query(sql, node);
  const numberOf = async (sql: string) => Number((await query(sql))[0]?.["n"] ?? 0);
  const without = (rows: string, others: string) =>
    numberOf(`SELECT count(*) AS n FROM "${rows}" AS one WHERE one.id NOT LIKE 'stock %'
      AND NOT EXISTS (SELECT 1 FROM "${others}" AS its WHERE its.id = one.id)`);
  return {
    orders: ordersOf(query),
    halves: (await without("Order", "Account")) + (await without("Account", "Order")),
    taken: await numberOf(`SELECT -sum(balance) AS n FROM "Account" WHERE id LIKE 'stock %'`),
    records: recordsOf(query),
  };
}
