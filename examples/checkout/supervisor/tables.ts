import { readFileSync } from "node:fs";
import { createClient } from "@libsql/client";
import pg from "pg";
import { databaseUrl, provider } from "../app/database.ts";
import { user } from "../app/user.ts";

interface Connection {
  readonly run: (sql: string) => Promise<unknown>;
  readonly isEmpty: () => Promise<boolean>;
  readonly close: () => unknown;
}

const sqlOf = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");

/** What `prisma migrate` does in an application. Does nothing if the tables exist. */
export async function createTables(): Promise<void> {
  const { run, isEmpty, close } = await (provider === "sqlite" ? openSqlite() : openPostgres());
  try {
    if (!(await isEmpty())) return;
    await run(sqlOf(`../prisma/${provider}/schema.sql`));
    await run(sqlOf(`../../../prisma/${provider}/idempotency.sql`));
    await run(`INSERT INTO "Customer" ("id") VALUES ('${user.id}')`);
  } finally {
    await close();
  }
}

async function openSqlite(): Promise<Connection> {
  const client = createClient({ url: databaseUrl });
  // Lets others read while one writes; the file remembers it.
  await client.execute("PRAGMA journal_mode = WAL");
  return {
    run: (sql) => client.executeMultiple(sql),
    isEmpty: async () =>
      (await client.execute("SELECT 1 FROM sqlite_master WHERE name = 'Order'")).rows.length === 0,
    close: () => client.close(),
  };
}

async function openPostgres(): Promise<Connection> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  return {
    run: (sql) => client.query(sql),
    isEmpty: async () =>
      (await client.query("SELECT WHERE to_regclass('\"Order\"') IS NULL")).rows.length === 1,
    close: () => client.end(),
  };
}
