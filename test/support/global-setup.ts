import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { dropAllOfMariadb } from "./mariadb-databases.ts";
import { startPostgres } from "./postgres.ts";
import { dropAll, makeTemplates } from "./postgres-databases.ts";
import { mariadbUrl, selectedProviders } from "./providers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Undefined when DATABASES leaves PostgreSQL out. */
    postgres: { url: string; prefix: string } | undefined;
    /** Undefined when there is no server. */
    mariadb: { url: string; prefix: string } | undefined;
  }
}

type Remove = () => Promise<void>;

/** One server of each kind for the whole run; every test makes its own databases on it. */
export default async function setup(project: TestProject): Promise<Remove> {
  const removals = [await setUpPostgres(project), setUpMariadb(project)];
  return async () => {
    for (const remove of removals) await remove();
  };
}

const prefixed = (): string => `onceonly_${randomBytes(4).toString("hex")}`;

async function setUpPostgres(project: TestProject): Promise<Remove> {
  if (!selectedProviders().includes("postgresql")) {
    project.provide("postgres", undefined);
    return async () => {};
  }
  const server = await startPostgres();
  const postgres = { url: server.url, prefix: prefixed() };
  await makeTemplates(postgres);
  project.provide("postgres", postgres);
  return async () => {
    await dropAll(postgres);
    await server.stop();
  };
}

/** Nothing is started: npm has no such server. */
function setUpMariadb(project: TestProject): Remove {
  const url = mariadbUrl();
  const mariadb = url === undefined ? undefined : { url, prefix: prefixed() };
  project.provide("mariadb", mariadb);
  return async () => {
    if (mariadb !== undefined) await dropAllOfMariadb(mariadb);
  };
}
