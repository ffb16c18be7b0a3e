import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@libsql/client";
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
        const client = createClient({ url: database.url });
        // Whoever waits for the lock has no place in a queue, and must ask again.
        const transaction = await eventually(() => client.transaction("write"), 5);
        await sleep(300 + Math.random() * 2_000);
        transaction.close();
        client.close();
      },
    },
    query: (sql) => database.query(sql) as Promise<Row[]>,
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
