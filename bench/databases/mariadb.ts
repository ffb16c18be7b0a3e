import { randomBytes } from "node:crypto";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { type Connection, createConnection } from "mariadb";
import { optionsOf } from "../../test/support/mariadb-databases.ts";
import {
  ACCOUNTS,
  type BenchDatabase,
  type Client,
  type DatabaseKind,
  POOL,
  type PrismaSettings,
  type RawPool,
  type Row,
  TABLES,
} from "./database.ts";
import { toRemove } from "./removal.ts";
import { ddl } from "./schema.ts";

export const mariadb: DatabaseKind = {
  name: "mariadb",
  needs: "mariadb",
  asks: "speed",
  async open({ mariadb: server }) {
    if (server === undefined) throw new Error("no MariaDB");
    const name = `onceonly_bench_${randomBytes(6).toString("hex")}`;
    await asAdmin(server, `CREATE DATABASE \`${name}\``);
    const url = new URL(server);
    url.pathname = `/${name}`;
    return openDatabase(
      url.href,
      toRemove(() => asAdmin(server, `DROP DATABASE IF EXISTS \`${name}\``)),
    );
  },
  connect: connectPrisma,
  connectRaw,
};

/** The statements of the benchmark are PostgreSQL's, with names in double quotes. */
const connected = (url: string): Promise<Connection> =>
  createConnection({
    ...optionsOf(url),
    bigIntAsNumber: true,
    multipleStatements: true,
    sessionVariables: { sql_mode: "ANSI_QUOTES,STRICT_TRANS_TABLES" },
  });

async function asAdmin(url: string, statement: string): Promise<void> {
  const connection = await connected(url);
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}

async function connectPrisma(url: string, { pool = POOL }: PrismaSettings = {}): Promise<Client> {
  const { PrismaClient } = await import("../generated/mariadb/client.ts");
  const adapter = new PrismaMariaDb({ ...optionsOf(url), connectionLimit: pool, minimumIdle: pool });
  return new PrismaClient({ adapter }) as unknown as Client;
}

/** Who sends our statements without Prisma has to guard its transactions itself, which nobody has written for this. */
async function connectRaw(): Promise<RawPool> {
  return {
    transaction: () => Promise.reject(new Error("not measured on MariaDB")),
    close: async () => {},
  };
}

async function openDatabase(url: string, remove: () => Promise<void>): Promise<BenchDatabase> {
  const side = await connected(url);
  await side.query(ddl("mariadb"));
  const closing: (() => Promise<unknown>)[] = [];
  const query: BenchDatabase["query"] = async (text, values = []) => {
    const rows: unknown = await side.query(text.replaceAll(/\$\d+/g, "?"), [...values]);
    return Array.isArray(rows) ? (rows as Row[]) : [];
  };
  const [version] = await query("SELECT VERSION() AS version");
  const database: BenchDatabase = {
    name: "mariadb",
    version: `MariaDB ${String(version?.["version"]).split("-")[0]}`,
    url,
    async openPrisma(settings) {
      const client = await connectPrisma(url, settings);
      closing.push(() => client.$disconnect());
      return client;
    },
    openRaw: connectRaw,
    query,
    async empty() {
      // No TRUNCATE, which would be a new file for each table.
      for (const table of TABLES) await query(`DELETE FROM "${table}"`);
      const accounts = Array.from({ length: ACCOUNTS }, (_, i) => `('a${i}', 0)`);
      await query(`INSERT INTO "Account" VALUES ${accounts.join(", ")}`);
    },
    server: undefined,
    records: undefined,
    async [Symbol.asyncDispose]() {
      await Promise.all(closing.map((close) => close()));
      await side.end();
      await remove();
    },
  };
  await database.empty();
  return database;
}
