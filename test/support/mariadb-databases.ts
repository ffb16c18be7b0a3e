import { randomBytes } from "node:crypto";
import { type Connection, createConnection } from "mariadb";
import type { Variant } from "./clients.ts";
import { ddl } from "./ddl.ts";

/** A server, and the prefix by which a test run knows its databases there. */
export interface MariadbRun {
  url: string;
  prefix: string;
}

export function urlOfMariadb(run: MariadbRun, database: string): string {
  const url = new URL(run.url);
  url.pathname = `/${database}`;
  return url.href;
}

/** What a URL says, as options of the driver. */
export function optionsOf(url: string) {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(pathname.length > 1 && { database: pathname.slice(1) }),
  };
}

/** Names in double quotes, as in the SQL of the tests. That of the package must not depend on it. */
export const SQL_MODE = "ANSI_QUOTES,STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/** A connection that answers as the tests expect of one: numbers as numbers, times in UTC. */
export const sideConnection = (url: string): Promise<Connection> =>
  createConnection({
    ...optionsOf(url),
    bigIntAsNumber: true,
    insertIdAsNumber: true,
    multipleStatements: true,
    connectTimeout: 60_000,
    timezone: "Z",
    sessionVariables: { sql_mode: SQL_MODE },
  });

async function withConnection<T>(url: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await sideConnection(url);
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}

export async function createMariadbDatabase(run: MariadbRun, variant: Variant): Promise<string> {
  const name = `${run.prefix}_${randomBytes(6).toString("hex")}`;
  await withConnection(run.url, (admin) =>
    admin.query(`CREATE DATABASE \`${name}\`; USE \`${name}\`; ${ddl("mariadb", variant)}`),
  );
  return name;
}

export async function dropMariadbDatabase(run: MariadbRun, name: string): Promise<void> {
  await withConnection(run.url, (admin) => admin.query(`DROP DATABASE IF EXISTS \`${name}\``));
}

/** Removes what tests have left behind. */
export async function dropAllOfMariadb(run: MariadbRun): Promise<void> {
  const rows = await withConnection(run.url, (admin) =>
    admin.query<{ name: string }[]>(
      "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE ?",
      [`${run.prefix.replaceAll("_", "\\_")}\\_%`],
    ),
  );
  for (const { name } of rows) await dropMariadbDatabase(run, name);
}
