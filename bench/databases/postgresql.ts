import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
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
import { postgresqlRecords } from "./postgresql-records.ts";
import { toRemove } from "./removal.ts";
import { ddl } from "./schema.ts";

export const postgresql: DatabaseKind = {
  name: "postgresql",
  needs: "postgres",
  asks: "everything",
  async open({ postgres }) {
    if (postgres === undefined) throw new Error("no PostgreSQL");
    const name = `onceonly_bench_${randomBytes(6).toString("hex")}`;
    await asAdmin(postgres, `CREATE DATABASE "${name}"`);
    const url = new URL(postgres);
    url.pathname = `/${name}`;
    const remove = () => asAdmin(postgres, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    return openDatabase(url.href, toRemove(remove));
  },
  connect: connectPrisma,
  connectRaw,
};

const APPLICATION_NAME = "onceonly-bench";

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The same name for the same text: there are few, and the server keeps a plan for each on every connection. */
const nameOf = ({ sql }: { readonly sql: string }) => createHash("sha1").update(sql).digest("base64url");

async function connectPrisma(url: string, settings: PrismaSettings = {}): Promise<Client> {
  const { PrismaClient } = await import("../generated/postgresql/client.ts");
  const { pool = POOL, namedStatements = false } = settings;
  const names = new Map<string, string>();
  const statementNameGenerator = (query: { readonly sql: string }) => {
    let name = names.get(query.sql);
    if (name === undefined) names.set(query.sql, (name = nameOf(query)));
    return name;
  };
  const adapter = new PrismaPg(
    {
      connectionString: url,
      max: pool,
      options: "-c TimeZone=UTC",
      application_name: APPLICATION_NAME,
    },
    namedStatements ? { statementNameGenerator } : {},
  );
  return new PrismaClient({ adapter });
}

async function connectRaw(url: string): Promise<RawPool> {
  const pool = new pg.Pool({ connectionString: url, max: POOL, application_name: APPLICATION_NAME });
  // A connection that is closing may still hear that its database is dropped.
  pool.on("error", () => {});
  return {
    async transaction(body) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const result = await body({
          query: async (text, values = []) => (await client.query<Row>(text, [...values])).rows,
          execute: async (text, values) => (await client.query(text, [...values])).rowCount ?? 0,
        });
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

/** Of processes of this machine: the first field of schedstat is their time on a processor, in nanoseconds. */
function cpuMicrosOf(pids: readonly number[]): Map<number, number> | null {
  const found = new Map<number, number>();
  for (const pid of pids) {
    try {
      if (!readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("postgres")) continue;
      found.set(pid, Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ", 1)[0]) / 1_000);
    } catch {
      // A session that has just ended, or one on another machine.
    }
  }
  return found.size === 0 ? null : found;
}

async function openDatabase(url: string, remove: () => Promise<void>): Promise<BenchDatabase> {
  const side = new pg.Client(url);
  await side.connect();
  await side.query(ddl("postgresql"));
  const closing: (() => Promise<unknown>)[] = [];
  const query = async (text: string, values: readonly unknown[] = []) =>
    (await side.query<Row>(text, [...values])).rows;
  const [version] = await query("SHOW server_version");
  const database: BenchDatabase = {
    name: "postgresql",
    version: `PostgreSQL ${String(version?.["server_version"]).split(" ")[0]}`,
    url,
    async openPrisma(settings) {
      const client = await connectPrisma(url, settings);
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
      await query(`TRUNCATE ${TABLES.map((table) => `"${table}"`).join(", ")}`);
      await query(`INSERT INTO "Account" SELECT 'a' || i, 0 FROM generate_series(0, ${ACCOUNTS - 1}) AS i`);
    },
    server: {
      async cpuMicros() {
        const rows = await query(
          "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'",
        );
        return cpuMicrosOf(rows.map(({ pid }) => Number(pid)));
      },
      async busyConnections(all) {
        const rows = await query(
          `SELECT count(*)::int AS n FROM pg_stat_activity
           WHERE datname = current_database() AND backend_type = 'client backend'
             AND state <> 'idle' AND pid <> pg_backend_pid()
             AND ($1::bool OR application_name = $2)`,
          [all, APPLICATION_NAME],
        );
        return Number(rows[0]?.["n"]);
      },
    },
    records: postgresqlRecords(query),
    async [Symbol.asyncDispose]() {
      await Promise.all(closing.map((close) => close()));
      await side.end();
      await remove();
    },
  };
  await database.empty();
  return database;
}
