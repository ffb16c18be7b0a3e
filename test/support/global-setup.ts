import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { startPostgres } from "./postgres.ts";
import { dropAll, makeTemplates } from "./postgres-databases.ts";
import { selectedProviders } from "./providers.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Undefined when DATABASES leaves PostgreSQL out. */
    postgres: { url: string; prefix: string } | undefined;
  }
}

/** One server for the whole run; every test makes its own databases on it. */
export default async function setup(project: TestProject) {
  if (!selectedProviders().includes("postgresql")) {
    project.provide("postgres", undefined);
    return undefined;
  }
  const server = await startPostgres();
  const prefix = `onceonly_${randomBytes(4).toString("hex")}`;
  const postgres = { url: server.url, prefix };
  await makeTemplates(postgres);
  project.provide("postgres", postgres);
  return async () => {
    await dropAll(postgres);
    await server.stop();
  };
}
