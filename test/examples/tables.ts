/** The tables of an example, on either database. */
import { readFileSync } from "node:fs";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { PrismaPg } from "@prisma/adapter-pg";
import type { SqlMigrationAwareDriverAdapterFactory } from "@prisma/driver-adapter-utils";
import { expect } from "vitest";
import type { TestDatabase } from "../support/database.ts";
import type { ExampleProvider } from "../support/providers.ts";
import { ddlOf } from "../support/schema-engine.ts";

const read = (path: string) => readFileSync(new URL(`../../examples/${path}`, import.meta.url), "utf8");

/** Makes those of `examples/<name>` in the place of those of the test application. */
export async function createTablesOf(name: string, database: TestDatabase): Promise<void> {
  const { url } = database;
  const provider = database.provider as ExampleProvider;
  for (const sql of ['DROP TABLE "Order"', 'DROP TABLE "Account"', ...(await ddl(name, provider, url))]) {
    await database.query(sql);
  }
}

const adapters: Record<ExampleProvider, (url: string) => SqlMigrationAwareDriverAdapterFactory> = {
  sqlite: (url) => new PrismaLibSql({ url }),
  postgresql: (url) => new PrismaPg({ connectionString: url }),
};

async function ddl(name: string, provider: ExampleProvider, url: string): Promise<string[]> {
  const content = read(`${name}/schema.prisma`)
    .replace('provider = "sqlite"', `provider = "${provider}"`)
    .replaceAll(/^generator [^}]*\}\n/gm, "");
  const adapter = adapters[provider](url);
  const sql = await ddlOf([{ path: "schema.prisma", content }], adapter);
  if (provider === "sqlite") expect(read(`${name}/schema.sql`)).toBe(sql);
  return sql.split(";\n").filter((statement) => /^[^-]/m.test(statement.trim()));
}
