import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createClient, type Client as LibsqlClient } from "@libsql/client";
import { Pool } from "pg";
import { type ClientOptions, connect, type TestClient } from "./clients.ts";
import { ddl } from "./ddl.ts";
import {
  createMariadbDatabase,
  dropMariadbDatabase,
  type MariadbRun,
  sideConnection,
  urlOfMariadb,
} from "./mariadb-databases.ts";
import { inMariadb } from "./mariadb-sql.ts";
import { createDatabase, dropDatabase, type PostgresRun, urlOf } from "./postgres-databases.ts";
import { type Provider, selectedProviders } from "./providers.ts";

type Row = Record<string, unknown>;

export interface TestDatabase extends AsyncDisposable {
  provider: Provider;
  url: string;
  /** Opened with the options given to `open`. */
  prisma: TestClient;
  /** A further client on the same database. It is closed with the database. */
  connect(options?: ClientOptions & { url?: string }): Promise<TestClient>;
  /** Committed orders, seen from outside Prisma. */
  countOrders(where?: Partial<Record<"id" | "key" | "customer" | "item", string>>): Promise<number>;
  /** The placeholder of a parameter, from 1. */
  placeholder(position: number): string;
  /** Runs SQL through a side connection. */
  query(sql: string, parameters?: (string | number | null)[]): Promise<Row[]>;
}

/** One that locks rows, and tells who waits for a lock. */
export interface LockingDatabase extends TestDatabase {
  /** Waits until `count` sessions wait for a lock that another holds, and returns what they wait with. */
  waitForBlockedBackend(count?: number): Promise<{ pid: number; query: string }[]>;
}

interface Side {
  query(sql: string, parameters: (string | number | null)[]): Promise<Row[]>;
  placeholder(position: number): string;
  close(): Promise<void>;
}

interface Opened {
  provider: Provider;
  url: string;
  options: ClientOptions;
  side: Side;
  remove: () => Promise<void>;
}

async function openDatabase({ provider, url, options, side, remove }: Opened): Promise<TestDatabase> {
  const clients: TestClient[] = [];
  const open = async ({ url: otherUrl, ...more }: ClientOptions & { url?: string } = {}) => {
    const client = await connect({ provider, url: otherUrl ?? url }, { ...options, ...more });
    clients.push(client);
    return client;
  };
  return {
    provider,
    url,
    prisma: await open(),
    connect: open,
    async countOrders(where = {}) {
      const columns = Object.keys(where).map((name, index) => `"${name}" = ${side.placeholder(index + 1)}`);
      const sql = `SELECT count(*) AS n FROM "Order" WHERE ${["1 = 1", ...columns].join(" AND ")}`;
      const rows = await side.query(sql, Object.values(where));
      return Number(rows[0]?.["n"]);
    },
    placeholder: (position) => side.placeholder(position),
    query: (sql, parameters = []) => side.query(sql, parameters),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.$disconnect()));
      await side.close();
      await remove();
    },
  };
}

function sqliteSide(client: LibsqlClient): Side {
  return {
    async query(sql, parameters) {
      const { columns, rows } = await client.execute({ sql, args: parameters });
      return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
    },
    placeholder: (position) => `?${position}`,
    close: async () => client.close(),
  };
}

export async function openSqlite(options: ClientOptions = {}): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), "onceonly-sqlite-"));
  const { href: url } = pathToFileURL(join(directory, "test.db"));
  const client = createClient({ url });
  // WAL is kept in the file, so every later connection has it: readers do not wait for the writer.
  await client.execute("PRAGMA journal_mode = WAL");
  await client.executeMultiple(ddl("sqlite", options.variant ?? "plain"));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5 });
  return openDatabase({ provider: "sqlite", url, options, side: sqliteSide(client), remove });
}

function postgresSide(client: Pool): Side {
  return {
    query: async (sql, parameters) => (await client.query<Row>(sql, parameters)).rows,
    placeholder: (position) => `$${position}`,
    close: () => client.end(),
  };
}

async function currentRun(): Promise<PostgresRun> {
  const { inject } = await import("vitest");
  const run = inject("postgres");
  if (run === undefined) throw new Error("no PostgreSQL in this test run: DATABASES leaves it out");
  return run;
}

/** `run` is needed outside vitest only, where there is no global set-up. */
export async function openPostgres(options: ClientOptions = {}, run?: PostgresRun): Promise<LockingDatabase> {
  const server = run ?? (await currentRun());
  const name = await createDatabase(server, options.variant ?? "plain");
  const url = urlOf(server, name);
  // One session, which queries at a time wait for.
  const client = new Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
  // It may die with the server in a test that stops it.
  client.on("error", () => {});
  const side = postgresSide(client);
  const remove = () => dropDatabase(server, name);
  const database = await openDatabase({ provider: "postgresql", url, options, side, remove });
  return Object.assign(database, {
    waitForBlockedBackend: (count = 1) => waitForBlocked(() => blockedInPostgres(side), count),
  });
}

const blockedInPostgres = (side: Side) =>
  side.query(
    `SELECT pid, query FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
    [],
  );

/** What transactions of this database wait for a lock. `information_schema.innodb_trx` is not renewed while it is asked often. */
async function blockedInMariadb(side: Side): Promise<Row[]> {
  const [{ Status: status } = {}] = await side.query("SHOW ENGINE INNODB STATUS", []);
  const waiting = String(status).matchAll(/^LOCK WAIT [^]*?^MariaDB thread id (\d+)/gm);
  const ids = Array.from(waiting, ([, id]) => Number(id));
  const sessions = await side.query(
    "SELECT id AS pid, info AS query FROM information_schema.processlist WHERE db = DATABASE() AND info IS NOT NULL",
    [],
  );
  return sessions.filter(({ pid }) => ids.includes(Number(pid)));
}

function mariadbSide(connection: Awaited<ReturnType<typeof sideConnection>>): Side {
  return {
    async query(sql, parameters) {
      const said = inMariadb(sql, parameters);
      const rows: unknown = await connection.query(said.sql, said.parameters);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    },
    placeholder: () => "?",
    close: () => connection.end(),
  };
}

async function currentMariadb(): Promise<MariadbRun> {
  const { inject } = await import("vitest");
  const run = inject("mariadb");
  if (run === undefined) {
    throw new Error("no MariaDB: set TEST_MARIADB_URL, such as mariadb://root@127.0.0.1:3306");
  }
  return run;
}

/** `run` is needed outside vitest only, where there is no global set-up. */
export async function openMariadb(options: ClientOptions = {}, run?: MariadbRun): Promise<LockingDatabase> {
  const server = run ?? (await currentMariadb());
  const name = await createMariadbDatabase(server, options.variant ?? "plain");
  const url = urlOfMariadb(server, name);
  const connection = await sideConnection(url);
  connection.on("error", () => {});
  const side = mariadbSide(connection);
  const remove = () => dropMariadbDatabase(server, name);
  const database = await openDatabase({ provider: "mariadb", url, options, side, remove });
  return Object.assign(database, {
    waitForBlockedBackend: (count = 1) => waitForBlocked(() => blockedInMariadb(side), count),
  });
}

async function waitForBlocked(
  look: () => Promise<Row[]>,
  count: number,
): Promise<{ pid: number; query: string }[]> {
  // The texts are copied before the locks are looked at, so the first look at a session may show an older text.
  let seen: unknown[] = [];
  for (let waited = 0; waited < 10_000; waited += 10) {
    const blocked = await look();
    const waiting = blocked.filter(({ pid }) => seen.includes(pid));
    if (waiting.length >= count) return waiting as { pid: number; query: string }[];
    seen = blocked.map(({ pid }) => pid);
    await sleep(10);
  }
  throw new Error(`fewer than ${count} sessions are blocked: ${JSON.stringify(await look())}`);
}

/** For `describe.each`. */
export const databases: { name: Provider; open: (options?: ClientOptions) => Promise<TestDatabase> }[] = [
  { name: "sqlite" as const, open: openSqlite },
  { name: "postgresql" as const, open: (options?: ClientOptions) => openPostgres(options) },
  { name: "mariadb" as const, open: (options?: ClientOptions) => openMariadb(options) },
].filter(({ name }) => selectedProviders().includes(name));

/** For `describe.runIf`, with {@link openMariadb}: what only MariaDB does. */
export const onMariadb: boolean = databases.some(({ name }) => name === "mariadb");

/** For `describe.runIf`, with {@link openPostgres}: what only PostgreSQL does. */
export const onPostgres: boolean = databases.some(({ name }) => name === "postgresql");
