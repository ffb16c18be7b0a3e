import { readFileSync } from "node:fs";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { describe, expect, it } from "vitest";
import { CatalogAdapter } from "../support/catalog-adapter.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import type { Provider } from "../support/providers.ts";
import { ddlOf, driftOf, type SchemaFile } from "../support/schema-engine.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const ourModel = (provider: Provider): SchemaFile => ({
  path: "idempotency.prisma",
  content: read(`prisma/${provider}/idempotency.prisma`),
});

const appSchema = (name: string): SchemaFile => ({
  path: "schema.prisma",
  content: read(`test/support/schemas/${name}.prisma`),
});

const adapterFor = ({ provider, url }: TestDatabase) =>
  provider === "sqlite" ? new PrismaLibSql({ url }) : new CatalogAdapter(url);

// Every new PostgreSQL database has that schema already.
const withoutPublicSchema = (sql: string) =>
  sql.replace('-- CreateSchema\nCREATE SCHEMA IF NOT EXISTS "public";\n\n', "");

describe.each(databases)("checked-in SQL for $name", ({ name, open }) => {
  it("is the very text with which Prisma would create our table", async () => {
    await using database = await open();
    const datasource = { path: "schema.prisma", content: `datasource db {\n  provider = "${name}"\n}\n` };
    const sql = await ddlOf([datasource, ourModel(name)], adapterFor(database));
    expect(withoutPublicSchema(sql)).toBe(read(`prisma/${name}/idempotency.sql`));
  });

  it("makes a database in which Prisma finds nothing to migrate", async () => {
    await using database = await open();
    const files = [appSchema(name), ourModel(name)];
    expect(await driftOf(files, adapterFor(database))).toBeUndefined();
    await database.query("DROP INDEX idempotency_record_expires_at_idx");
    expect(await driftOf(files, adapterFor(database))).toContain("idempotency_record_expires_at_idx");
  });

  it("makes such a database under mapped names too", async () => {
    await using database = await open({ variant: "mapped" });
    expect(await driftOf([appSchema(`${name}-mapped`)], adapterFor(database))).toBeUndefined();
  });
});
