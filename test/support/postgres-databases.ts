import { randomBytes } from "node:crypto";
import { Client } from "pg";
import type { Variant } from "./clients.ts";
import { ddl } from "./ddl.ts";

/** A server, and the prefix by which a test run knows its databases there. */
export interface PostgresRun {
  url: string;
  prefix: string;
}

export function urlOf(run: PostgresRun, database: string): string {
  const url = new URL(run.url);
  url.pathname = `/${database}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

// The classic generator changes the client only.
const templateOf = (run: PostgresRun, variant: Variant) =>
  `${run.prefix}_template_${variant === "mapped" ? "mapped" : "plain"}`;

/** Applies the DDL once; copying a template is faster than applying it for each test. */
export async function makeTemplates(run: PostgresRun): Promise<void> {
  for (const variant of ["plain", "mapped"] as const) {
    const name = templateOf(run, variant);
    await withClient(run.url, (admin) => admin.query(`CREATE DATABASE "${name}"`));
    await withClient(urlOf(run, name), (client) => client.query(ddl("postgresql", variant)));
  }
}

export async function createDatabase(run: PostgresRun, variant: Variant): Promise<string> {
  const name = `${run.prefix}_${randomBytes(6).toString("hex")}`;
  const template = templateOf(run, variant);
  await withClient(run.url, (admin) => admin.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`));
  return name;
}

export async function dropDatabase(run: PostgresRun, name: string): Promise<void> {
  await withClient(run.url, (admin) => admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
}

/** Removes what tests have left behind, and the templates. */
export async function dropAll(run: PostgresRun): Promise<void> {
  const { rows } = await withClient(run.url, (admin) =>
    admin.query<{ datname: string }>("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", [
      `${run.prefix}_`,
    ]),
  );
  for (const { datname } of rows) await dropDatabase(run, datname);
}
