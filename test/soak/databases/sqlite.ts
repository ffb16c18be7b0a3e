import { setTimeout as sleep } from "node:timers/promises";
import { openSqlite } from "../../support/database.ts";
import { eventually } from "../../support/eventually.ts";
import type { Row, SoakDatabase } from "./database.ts";

export async function openSoakSqlite(): Promise<SoakDatabase> {
  const database = await openSqlite();
  return {
    provider: "sqlite",
    relays: [],
    urlFor: () => database.url,
    pool: {},
    nodes: 1,
    deeds: {
      "another program holds the write lock": async () => {
        // It does not wait for its turn in a queue, which SQLite has not.
        await eventually(() => database.query("BEGIN IMMEDIATE"), 5);
        await sleep(300 + Math.random() * 2_000);
        await database.query("COMMIT");
      },
    },
    query: (sql) => database.query(sql) as Promise<Row[]>,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
