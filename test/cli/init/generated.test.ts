/** What `init` has written, seen by Prisma itself, and by a run on the tables that it makes of it. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { describe, expect, test } from "vitest";
import { init } from "../../../src/cli/init/init.ts";
import { CatalogAdapter } from "../../support/catalog-adapter.ts";
import { adapterFor, type TestClient } from "../../support/clients.ts";
import { databases, type TestDatabase } from "../../support/database.ts";
import { idempotencyOf, request } from "../../support/runs.ts";
import { scaled } from "../../support/scale.ts";
import { ddlOf, type SchemaFile } from "../../support/schema-engine.ts";
import { applications, write } from "./applications.ts";

const PRISMA = createRequire(import.meta.url).resolve("prisma/build/index.js");

/** Runs Prisma's own command line, which would download its engine. */
async function prisma(cwd: string, ...args: string[]): Promise<string> {
  const env = { ...process.env, CHECKPOINT_DISABLE: "1", PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };
  const { stdout } = await promisify(execFile)(process.execPath, [PRISMA, ...args], { cwd, env });
  return stdout;
}

type Application = (typeof applications)[number];

/** Prisma 7 takes no address in a schema. */
const forPrisma7 = (text: string) => text.replace(/^ *url +=.*\n/m, "");

async function initialised({ files, cwd = "", schema }: Application) {
  const app = write(
    Object.fromEntries(Object.entries(files).map(([path, text]) => [path, forPrisma7(text)])),
  );
  await init({ cwd: join(app.folder, cwd), schema });
  return { app, at: join(app.folder, cwd) };
}

/** What the short run leaves out shares its traits with these, and with what runs below. */
const mostDifferent = [4, 5, 6].flatMap((index) => applications[index] ?? []);

describe.each(scaled({ short: mostDifferent, long: applications }))(
  "after init with $name",
  (application) => {
    test("Prisma finds the schema, and takes it", async () => {
      const { app, at } = await initialised(application);
      using _app = app;
      const named = application.schema === undefined ? [] : ["--schema", application.schema];
      expect(await prisma(at, "validate", ...named)).toMatch(
        new RegExp(`^The schemas? at ${application.schemaPath} (?:is|are) valid`, "m"),
      );
    });
  },
);

describe.each(databases)("a run on $name", ({ name, open }) => {
  const those = applications.filter(({ provider }) => provider === name);

  test.each(scaled({ short: those.slice(0, 1), long: those }))(
    "executes once on the tables of an application with $name",
    async (application) => {
      const { app, at } = await initialised(application);
      using _app = app;
      await using db = await open();
      await makeTables(db, schemaFilesOf(app.files(), join(application.cwd ?? "", application.schemaPath)));
      const named = application.schema === undefined ? [] : ["--schema", application.schema];
      await prisma(at, "generate", ...named);

      const client = await clientOf(app.folder, Object.keys(app.files()), db);
      const idempotency = idempotencyOf(client);
      expect(await idempotency.check()).toEqual([]);
      const pay = () =>
        idempotency.run(request("k"), async ({ tx }) => {
          await tx.$executeRawUnsafe("INSERT INTO payment VALUES (5)");
          return "paid";
        });
      expect([await pay(), await pay()]).toMatchObject([
        { value: "paid", replayed: false },
        { value: "paid", replayed: true },
      ]);
      expect(await db.query("SELECT amount FROM payment")).toEqual([{ amount: 5 }]);
      await client.$disconnect();
    },
  );
});

function schemaFilesOf(files: Readonly<Record<string, string>>, path: string): SchemaFile[] {
  return Object.entries(files)
    .filter(([file]) => file === path || (file.startsWith(`${path}/`) && file.endsWith(".prisma")))
    .map(([file, content]) => ({ path: file, content }));
}

/**
 * Those of the schema, in a database that has none of ours; and one that handlers write to. On MariaDB, whose collations a schema cannot say,
 * the database has the package's own, as `init` says to make them.
 */
async function makeTables(db: TestDatabase, files: SchemaFile[]): Promise<void> {
  if (db.provider === "mariadb") {
    await db.query("CREATE TABLE payment (amount int)");
    return;
  }
  const sql = await ddlOf(
    files,
    db.provider === "sqlite" ? new PrismaLibSql({ url: db.url }) : new CatalogAdapter(db.url),
  );
  const present = await db.query(
    db.provider === "sqlite"
      ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
      : "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
  );
  const cascade = db.provider === "sqlite" ? "" : "CASCADE";
  const drop = present.map((table) => `DROP TABLE "${table["name"]}" ${cascade}`);
  for (const statement of [...drop, ...sql.split(/;\n/), "CREATE TABLE payment (amount int)"]) {
    if (statement.trim() !== "") await db.query(statement);
  }
}

/** The client that Prisma has generated there, of either generator. */
async function clientOf(
  folder: string,
  paths: readonly string[],
  { provider, url }: TestDatabase,
): Promise<TestClient> {
  const entry =
    paths.find((path) => path.endsWith("/client.ts")) ??
    paths.find((path) => path.endsWith("/prisma/index.js"));
  const { href } = pathToFileURL(join(folder, entry ?? ""));
  const { PrismaClient } = (await import(/* @vite-ignore */ href)) as {
    PrismaClient: new (options: object) => TestClient;
  };
  return new PrismaClient({ adapter: adapterFor({ provider, url }) });
}
