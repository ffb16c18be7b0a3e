/** A primary with a standby, behind HAProxy. */
import type { ChildProcess } from "node:child_process";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { ddl } from "../../support/ddl.ts";
import { eventually } from "../../support/eventually.ts";
import { ASKING_POSTGRESQL, startHaproxy } from "./haproxy.ts";
import { Folder, run, signalTree } from "./processes.ts";
import { postgresFolder } from "./programs.ts";

/** Below those that the system gives to outgoing connections. */
const PORTS = { proxy: 5520, primary: 5521, standby: 5522 };

const SETTINGS = `listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 120
fsync = off
wal_level = replica
hot_standby = on
synchronous_commit = on
timezone = 'UTC'
`;

export type Row = Record<string, unknown>;

export const urlAt = (port: number): string => `postgresql://postgres@127.0.0.1:${port}/postgres`;

/** Asks a server itself, and not by way of a proxy. */
export async function ask(port: number, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: urlAt(port), connectionTimeoutMillis: 5_000 });
  // The server may be killed meanwhile.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const bin = (name: string) => join(postgresFolder() ?? "", name);

async function startServer(folder: Folder, name: string, port: number): Promise<ChildProcess> {
  const data = join(folder.path, name);
  const server = await folder.start(name, bin("postgres"), ["-D", data, "-p", String(port)]);
  await eventually(() => ask(port, "SELECT 1"));
  return server;
}

export interface Pair extends AsyncDisposable {
  /** Of the tests' database, by way of HAProxy. */
  url: string;
  /** Asks the primary, or the standby. */
  primary(sql: string): Promise<Row[]>;
  standby(sql: string): Promise<Row[]>;
  /** Nothing of what is committed from now on reaches the standby. */
  holdBack(): Promise<void>;
  /** SIGKILL, for the primary and all its sessions. */
  killPrimary(): void;
  /** SIGSTOP, for the same: connections stay open, and nothing answers on them. */
  freezePrimary(): void;
  promote(): Promise<void>;
}

/** With the tables of the tests' application. `synchronous`: whether a COMMIT waits for the standby. */
export async function openPair({ synchronous }: { synchronous: boolean }): Promise<Pair> {
  const folder = await Folder.make();
  try {
    return await start(folder, synchronous);
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

async function start(folder: Folder, synchronous: boolean): Promise<Pair> {
  const primary = (sql: string) => ask(PORTS.primary, sql);
  const standby = (sql: string) => ask(PORTS.standby, sql);
  const data = join(folder.path, "primary");
  await run(bin("initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], folder.path);
  await appendFile(join(data, "postgresql.conf"), SETTINGS);
  const server = await startServer(folder, "primary", PORTS.primary);
  const from = `host=127.0.0.1 port=${PORTS.primary} user=postgres application_name=standby`;
  const copying = ["-d", from, "-D", join(folder.path, "standby"), "-R", "-X", "stream", "-c", "fast"];
  await run(bin("pg_basebackup"), [...copying, "--no-sync"], folder.path);
  await startServer(folder, "standby", PORTS.standby);
  if (synchronous) {
    await primary("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await primary("SELECT pg_reload_conf()");
  }
  await eventually(async () => {
    const [row] = await primary("SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'");
    if (row?.["sync_state"] !== (synchronous ? "sync" : "async")) throw new Error("no standby follows");
  });
  await primary(ddl("postgresql", "plain"));
  await primary("CREATE ROLE haproxy LOGIN");
  await startHaproxy(folder, PORTS.proxy, {
    check: ASKING_POSTGRESQL,
    servers: [{ port: PORTS.primary }, { port: PORTS.standby }],
  });
  return {
    url: urlAt(PORTS.proxy),
    primary,
    standby,
    async holdBack() {
      const [sender] = await primary("SELECT pid FROM pg_stat_replication");
      process.kill(Number(sender?.["pid"]), "SIGSTOP");
    },
    killPrimary: () => signalTree(server.pid, "SIGKILL"),
    freezePrimary: () => signalTree(server.pid, "SIGSTOP"),
    promote: async () => {
      await standby("SELECT pg_promote()");
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}
