import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient, type InValue, type ResultSet } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import {
  ACCOUNTS,
  type BenchDatabase,
  type Client,
  type DatabaseKind,
  type RawPool,
  type Row,
  TABLES,
} from "./database.ts";
import { toRemove } from "./removal.ts";
import { ddl } from "./schema.ts";

export const sqlite: DatabaseKind = {
  name: "sqlite",
  needs: undefined,
  asks: "everything",
  async open() {
    const directory = await mkdtemp(join(tmpdir(), "onceonly-bench-"));
    const { href: url } = pathToFileURL(join(directory, "bench.db"));
    const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
    return openDatabase(url, toRemove(remove));
  },
  connect: connectPrisma,
  connectRaw,
};

async function connectPrisma(url: string): Promise<Client> {
  const { PrismaClient } = await import("../generated/sqlite/client.ts");
  return new PrismaClient({ adapter: new PrismaLibSql({ url, intMode: "bigint" }) }) as unknown as Client;
}

const rowsOf = ({ columns, rows }: ResultSet): readonly Row[] =>
  rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));

const numbered = (text: string) => text.replaceAll(/\$(\d+)/g, "?$1");

/** One connection, and a queue before it: SQLite has one writer. */
async function connectRaw(url: string): Promise<RawPool> {
  const client = createClient({ url });
  let last: Promise<unknown> = Promise.resolve();
  return {
    transaction(body) {
      const next = last.then(async () => {
        const transaction = await client.transaction("write");
        try {
          const result = await body({
            query: async (text, values = []) =>
              rowsOf(await transaction.execute({ sql: numbered(text), args: [...values] as InValue[] })),
            execute: async (text, values) => {
              const { rowsAffected } = await transaction.execute({
                sql: numbered(text),
                args: [...values] as InValue[],
              });
              return rowsAffected;
            },
          });
          await transaction.commit();
          return result;
        } finally {
          transaction.close();
        }
      });
      last = next.catch(() => {});
      return next;
    },
    close: async () => client.close(),
  };
}

async function openDatabase(url: string, remove: () => Promise<void>): Promise<BenchDatabase> {
  const side = createClient({ url });
  // WAL is kept in the file, so every later connection has it: readers do not wait for the writer.
  await side.execute("PRAGMA journal_mode = WAL");
  await side.executeMultiple(ddl("sqlite"));
  const closing: (() => Promise<unknown>)[] = [];
  const query: BenchDatabase["query"] = async (text, values = []) =>
    rowsOf(await side.execute({ sql: numbered(text), args: [...values] }));
  const [version] = await query("SELECT sqlite_version() AS version");
  const database: BenchDatabase = {
    name: "sqlite",
    version: `SQLite ${String(version?.["version"])} (libsql)`,
    url,
    async openPrisma() {
      const client = await connectPrisma(url);
      closing.push(() => client.$disconnect());
      return client;
    },
    async openRaw() {
      const pool = await connectRaw(url);
      closing.push(() => pool.close());
      return pool;
    },
    query,
    async empty() {
      const accounts = Array.from({ length: ACCOUNTS }, (_, i) => `('a${i}', 0)`);
      const statements = TABLES.map((table) => `DELETE FROM "${table}"`);
      await side.batch([...statements, `INSERT INTO "Account" VALUES ${accounts.join(", ")}`], "write");
    },
    server: undefined,
    records: undefined,
    async [Symbol.asyncDispose]() {
      await Promise.all(closing.map((close) => close()));
      side.close();
      await remove();
    },
  };
  await database.empty();
  return database;
}
