/** Opens generated Prisma clients. Imports nothing of vitest, so child processes may use it too. */
import type { Config as LibsqlConfig } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaMariaDb } from "@prisma/adapter-mariadb";
import { PrismaPg } from "@prisma/adapter-pg";
import type { SqlDriverAdapterFactory, SqlQueryable } from "@prisma/driver-adapter-utils";
import { type AdapterFactory, observeTransactions } from "../../src/prisma/client/driver.ts";
import type { PrismaClient } from "./generated/postgresql/client.ts";
import { optionsOf, SQL_MODE } from "./mariadb-databases.ts";
import type { Provider } from "./providers.ts";

/** "mapped": table and columns of IdempotencyRecord have other names. "classic": `prisma-client-js`. */
export type Variant = "plain" | "mapped" | "classic";

/** All variants have the same models, so one type stands for all of them. */
export type TestClient = PrismaClient;

export interface ClientOptions {
  variant?: Variant;
  /** Connections in the pool (PostgreSQL, MariaDB). */
  max?: number;
  /** How long the pool itself waits for a connection (PostgreSQL). Default: for ever. */
  connectionTimeoutMs?: number;
  /** How long the client waits for a connection to begin a transaction with. Default: a minute. */
  maxWaitMs?: number;
  /** Called with the text of each statement that reaches the driver but BEGIN, whoever sends it. */
  log?: (statement: string) => void;
  /** PostgreSQL start-up options. */
  serverOptions?: string;
  /** The schema given to the PostgreSQL adapter. */
  schema?: string;
  /** How long SQLite waits for another connection's lock; it blocks the event loop meanwhile. */
  busyTimeoutMs?: number;
  /** How the SQLite driver hands over integers. Its own default, "number", refuses those above 2^53. */
  intMode?: "number" | "bigint";
  /** Names the statements that the adapter sends, as option `statementNameGenerator` of `PrismaPg` (PostgreSQL). */
  nameOf?: (query: { readonly sql: string; readonly args: readonly unknown[] }) => string;
  /** Whether statements of ours may share the messages of BEGIN and COMMIT (PostgreSQL). */
  messages?: "shared" | "one by one";
  /** Further options of the driver's pool (MariaDB). */
  pool?: Readonly<Record<string, unknown>>;
  /** Options of the adapter (MariaDB). */
  adapter?: Readonly<Record<string, unknown>>;
}

/** TEST_MESSAGES has whole suites run the other way. */
const MESSAGES = process.env["TEST_MESSAGES"] === "one by one" ? "one by one" : "shared";

export interface ClientTarget {
  provider: Provider;
  url: string;
}

// Written out, because bundlers follow no computed path.
const modules: Record<Provider, Partial<Record<Variant, () => Promise<unknown>>>> = {
  sqlite: {
    plain: () => import("./generated/sqlite/client.ts"),
    mapped: () => import("./generated/sqlite-mapped/client.ts"),
  },
  postgresql: {
    plain: () => import("./generated/postgresql/client.ts"),
    mapped: () => import("./generated/postgresql-mapped/client.ts"),
    classic: () => import("./generated/postgresql-classic/index.js"),
  },
  mariadb: {
    plain: () => import("./generated/mariadb/client.ts"),
    mapped: () => import("./generated/mariadb-mapped/client.ts"),
  },
};

async function loadClient(provider: Provider, variant: Variant): Promise<typeof PrismaClient> {
  const load = modules[provider][variant];
  if (load === undefined) throw new Error(`${provider} has no client "${variant}"`);
  const module = (await load()) as { PrismaClient: typeof PrismaClient };
  return module.PrismaClient;
}

const adapters: Record<Provider, (url: string, options: ClientOptions) => SqlDriverAdapterFactory> = {
  sqlite(url, options) {
    // `timeout` reaches the driver but is missing in its types.
    const config: LibsqlConfig & { timeout?: number } = { url, intMode: options.intMode ?? "bigint" };
    if (options.busyTimeoutMs !== undefined) config.timeout = options.busyTimeoutMs;
    return new PrismaLibSql(config);
  },
  postgresql(url, options) {
    const config = {
      connectionString: url,
      max: options.max ?? 10,
      connectionTimeoutMillis: options.connectionTimeoutMs ?? 0,
      // The adapter reads and writes timestamptz wrongly in a session whose time zone is not UTC.
      options: options.serverOptions ?? "-c TimeZone=UTC",
    };
    const factory = new PrismaPg(config, {
      // Tests cut connections on purpose; what that does to a query still reaches its caller.
      onPoolError: () => {},
      onConnectionError: () => {},
      ...(options.schema === undefined ? {} : { schema: options.schema }),
      ...(options.nameOf === undefined ? {} : { statementNameGenerator: options.nameOf }),
    });
    return (options.messages ?? MESSAGES) === "shared" ? factory : unknown(factory);
  },
  mariadb(url, options) {
    const config = {
      ...optionsOf(url),
      connectionLimit: options.max ?? 10,
      minimumIdle: 1,
      acquireTimeout: 60_000,
      connectTimeout: 60_000,
      sessionVariables: { sql_mode: SQL_MODE },
      ...options.pool,
    };
    return new PrismaMariaDb(config, { onConnectionError: () => {}, ...options.adapter });
  },
};

/** With adapters of a name that the package does not know. */
function unknown(factory: SqlDriverAdapterFactory): SqlDriverAdapterFactory {
  const { connect } = factory;
  factory.connect = async () => Object.assign(await connect.call(factory), { adapterName: "one by one" });
  return factory;
}

/** The driver adapter of a client on `target`. */
export function adapterFor(
  { provider, url }: ClientTarget,
  options: ClientOptions = {},
): SqlDriverAdapterFactory {
  return adapters[provider](url, options);
}

// Prisma's own 2 seconds for a connection are not always enough on a busy machine, where the first one takes longest.
const MAX_WAIT_MS = 60_000;

export async function connect(target: ClientTarget, options: ClientOptions = {}): Promise<TestClient> {
  const Client = await loadClient(target.provider, options.variant ?? "plain");
  const adapter = adapterFor(target, options);
  const { log } = options;
  if (log !== undefined) logStatements(adapter, log);
  // As `createIdempotency` does, which has to come before the first query there. Some tests call it later.
  if (target.provider === "mariadb") observeTransactions(adapter as unknown as AdapterFactory);
  const transactionOptions = { maxWait: options.maxWaitMs ?? MAX_WAIT_MS };
  if (log === undefined) return new Client({ adapter, transactionOptions });
  return new Client({ adapter, transactionOptions, log: [{ emit: "event", level: "query" }] });
}

/** In the driver adapter, as not all statements pass Prisma's own log. */
function logStatements(factory: SqlDriverAdapterFactory, log: (statement: string) => void): void {
  const logged = <T extends SqlQueryable>(queryable: T): T => {
    const { queryRaw, executeRaw } = queryable;
    queryable.queryRaw = (query) => {
      log(query.sql);
      return queryRaw.call(queryable, query);
    };
    queryable.executeRaw = (query) => {
      log(query.sql);
      return executeRaw.call(queryable, query);
    };
    return queryable;
  };
  const { connect } = factory;
  factory.connect = async () => {
    const adapter = logged(await connect.call(factory));
    const { startTransaction } = adapter;
    adapter.startTransaction = async (level) => logged(await startTransaction.call(adapter, level));
    return adapter;
  };
}
