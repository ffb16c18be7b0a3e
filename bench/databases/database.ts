import type { PrismaClient } from "../generated/postgresql/client.ts";
import type { CpuMeter } from "../load.ts";

/** The generated clients of all databases have the same models, so one type stands for them. */
export type Client = PrismaClient;
export type Tx = Parameters<Parameters<Client["$transaction"]>[0]>[0];

export type DatabaseName = "postgresql" | "sqlite" | "mariadb";

/** The one configuration that all contenders through Prisma share. */
export interface PrismaSettings {
  /** Connections in the pool, where there is one. */
  readonly pool?: number;
  /** Whether statements get names, so that the server keeps them prepared. Off, as Prisma comes. */
  readonly namedStatements?: boolean;
}

export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number | null;

/** One connection below Prisma. Parameters are `$1`, `$2`, ... on every database. */
export interface RawSession {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** How many rows were written. */
  execute(text: string, values: readonly unknown[]): Promise<number>;
}

/** Connections below Prisma, as many as Prisma's pool has. */
export interface RawPool {
  /** In a transaction of its own, which is rolled back when `body` throws. */
  transaction<T>(body: (session: RawSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** What only a server can tell. */
export interface ServerView {
  /** Of the sessions of this database. */
  readonly cpuMicros: CpuMeter;
  /**
   * Connections to this database that are at work or in a transaction, but the one that asks. Those of Prisma's client
   * and the raw pool, or `all`, which are also those that DBOS polls through.
   */
  busyConnections(all: boolean): Promise<number>;
}

/** How records are made and measured by the thousand. */
export interface RecordTable {
  /** Inserts into the empty table `count` finished records, of which those in `known` have the ids given. */
  insert(params: FillParams): Promise<void>;
  /** Tidies up what filling left, so that it does not run into the measurement. */
  settle(): Promise<void>;
  /** Bytes of the table of records and of its indexes. */
  bytes(): Promise<{ readonly table: number; readonly indexes: number }>;
}

export interface FillParams {
  readonly count: number;
  /** Those of `count` that are expired. */
  readonly expired: number;
  readonly known: readonly { readonly position: number; readonly id: string; readonly key: string }[];
  /** A finished record as the library writes it. */
  readonly sample: {
    readonly scope: string;
    readonly operation: string;
    readonly fingerprint: string;
    readonly response: string;
  };
}

/** A database with the application's tables and ours, removed when it is disposed of. */
export interface BenchDatabase extends AsyncDisposable {
  readonly name: DatabaseName;
  readonly version: string;
  readonly url: string;
  openPrisma(settings?: PrismaSettings): Promise<Client>;
  openRaw(): Promise<RawPool>;
  /** Committed rows, seen through a connection of its own. */
  query(text: string, values?: readonly Value[]): Promise<readonly Row[]>;
  /** Empties all tables, and makes the accounts anew. */
  empty(): Promise<void>;
  readonly server: ServerView | undefined;
  readonly records: RecordTable | undefined;
}

/** What a database needs of the machine. */
export interface Servers {
  /** URL of a superuser or of one who may create databases; undefined where there is no server. */
  readonly postgres: string | undefined;
  readonly redis: string | undefined;
  /** URL of one who may create databases. */
  readonly mariadb: string | undefined;
}

/** One row of the configuration: to measure another database, write one of these. */
export interface DatabaseKind {
  readonly name: DatabaseName;
  /** The server it needs, if any. */
  readonly needs: keyof Servers | undefined;
  /** Which questions it is asked. */
  readonly asks: "everything" | "speed";
  open(servers: Servers): Promise<BenchDatabase>;
  /** For a process that shares a database with others. */
  connect(url: string, settings?: PrismaSettings): Promise<Client>;
  connectRaw(url: string): Promise<RawPool>;
}

export const POOL = 10;

/** How many accounts the handlers of four writes spread over. */
export const ACCOUNTS = 1_000;

export const TABLES = [
  "Order",
  "Payment",
  "Movement",
  "Account",
  "HandwrittenKey",
  "idempotency_record",
  "idempotency_step",
] as const;
