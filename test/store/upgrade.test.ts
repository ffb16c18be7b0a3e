/** `onceonly upgrade`: tables of another shape, the SQL that is printed for them, and what check() says once it was run. */

import { readFileSync } from "node:fs";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { describe, expect, test } from "vitest";
import { upgrade } from "../../src/cli/upgrade/upgrade.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { CatalogAdapter } from "../support/catalog-adapter.ts";
import { databases, openMariadb, openPostgres, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, request } from "../support/runs.ts";
import { driftOf, type SchemaFile } from "../support/schema-engine.ts";

const quoted = (sql: string, { provider }: TestDatabase) =>
  provider === "mariadb" ? sql.replaceAll('"', "`") : sql;

const only = (provider: TestDatabase["provider"]) => databases.filter(({ name }) => name === provider);

/** Runs what is printed, as a client of the database would. */
async function apply(db: TestDatabase): Promise<string[]> {
  const { lines, json, isNo } = await upgrade(idempotencyOf(db.prisma));
  const sql = lines.filter((line) => !line.startsWith("--")).join("\n");
  expect(sql).toBe(json.statements.map((statement) => `${statement};`).join("\n"));
  expect([isNo, json.left]).toEqual([true, []]);
  for (const statement of json.statements) await db.query(statement);
  return [...json.statements];
}

async function expectUpToDate(db: TestDatabase): Promise<void> {
  const idempotency = idempotencyOf(db.prisma);
  expect(await idempotency.check()).toEqual([]);
  expect(await upgrade(idempotency)).toEqual({
    lines: ["-- The tables have what this version needs: nothing to do."],
    json: { statements: [], mended: [], left: [] },
    isNo: false,
  });
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const modelsOf = (provider: string): SchemaFile => ({
  path: "idempotency.prisma",
  content: read(`prisma/${provider}/idempotency.prisma`),
});

/** What Prisma would change; it sees no collations, and is not asked on MariaDB. */
async function drift({ provider, url }: TestDatabase, variant = ""): Promise<string | undefined> {
  if (provider === "mariadb") return undefined;
  const files = [
    { path: "schema.prisma", content: read(`test/support/schemas/${provider}${variant}.prisma`) },
    // A mapped schema has its own form of ours.
    ...(variant === "" ? [modelsOf(provider)] : []),
  ];
  return driftOf(files, provider === "sqlite" ? new PrismaLibSql({ url }) : new CatalogAdapter(url));
}

const dropIndex = (column: string, { provider }: TestDatabase) =>
  `DROP INDEX idempotency_record_${column}_idx${provider === "mariadb" ? " ON idempotency_record" : ""}`;

describe.each(databases)("upgrade on $name", ({ open }) => {
  test("finds nothing to do in tables of this version", async () => {
    await using db = await open();
    await expectUpToDate(db);
    expect(await drift(db)).toBeUndefined();
  });

  test("makes of the tables before leased runs those of today, whose records count", async () => {
    await using db = await open();
    const place = placing("k");
    await idempotencyOf(db.prisma).run(request("k"), place);
    await db.query("DROP TABLE idempotency_step");
    await db.query(dropIndex("locked_until", db));
    const [create, index, ...others] = await apply(db);
    expect(create).toContain(quoted('CREATE TABLE "idempotency_step"', db));
    expect([index, others]).toEqual([
      quoted(
        'CREATE INDEX "idempotency_record_locked_until_idx" ON "idempotency_record"("locked_until")',
        db,
      ),
      [],
    ]);
    await expectUpToDate(db);
    expect(await drift(db)).toBeUndefined();
    expect((await idempotencyOf(db.prisma).run(request("k"), place)).replayed).toBe(true);
  });

  test("makes both tables where there are none, as Prisma would", async () => {
    await using db = await open();
    await db.query("DROP TABLE idempotency_record");
    await db.query("DROP TABLE idempotency_step");
    await apply(db);
    await expectUpToDate(db);
    expect(await drift(db)).toBeUndefined();
  });

  test("adds columns and indexes to a table that has rows", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => 1);
    for (const column of ["locked_until", "expires_at"]) await db.query(dropIndex(column, db));
    for (const column of ["locked_until", "input", "completed_at", "attempt"]) {
      await db.query(`ALTER TABLE idempotency_record DROP COLUMN ${column}`);
    }
    expect(await apply(db)).toHaveLength(6);
    await expectUpToDate(db);
    expect(await drift(db)).toBeUndefined();
    expect(await idempotency.run(request("k"), async () => 2)).toMatchObject({ value: 1, replayed: true });
  });

  test("keeps two rows of one key out of tables that do not", async () => {
    await using db = await open();
    for (const table of ["idempotency_record", "idempotency_step"]) {
      await db.query(`ALTER TABLE ${table} RENAME TO old_${table}`);
      await db.query(`CREATE TABLE ${table} AS SELECT * FROM old_${table}`);
      await db.query(`DROP TABLE old_${table}`);
    }
    expect(await apply(db)).toHaveLength(4);
    await expectUpToDate(db);
  });

  test("goes by the names that the application has given its tables and columns", async () => {
    await using db = await open({ variant: "mapped" });
    const schema = db.provider === "postgresql" ? '"infra".' : "";
    for (const table of ["idempotency records", "idempotency steps"]) {
      await db.query(quoted(`DROP TABLE ${schema}"${table}"`, db));
    }
    expect(await apply(db)).toHaveLength(4);
    await expectUpToDate(db);
    expect(await drift(db, "-mapped")).toBeUndefined();
  });

  test("makes tables of long names, whose indexes have different ones", async () => {
    await using db = await open();
    const table = "t".repeat(62);
    const models = { record: { table }, step: { table: `s${table}` } };
    const idempotency = createIdempotency({ prisma: db.prisma, models });
    const { json } = await upgrade(idempotency);
    expect(json.statements).toHaveLength(4);
    for (const statement of json.statements) await db.query(statement);
    expect(await idempotency.check()).toEqual([]);
  });

  test("leaves to people what rows would have no value for, and says so", async () => {
    await using db = await open();
    await db.query("ALTER TABLE idempotency_record DROP COLUMN fingerprint");
    const { lines, json, isNo } = await upgrade(idempotencyOf(db.prisma));
    expect([isNo, json.statements, json.left]).toMatchObject([
      true,
      [],
      [{ subject: quoted('column "fingerprint" of "idempotency_record"', db) }],
    ]);
    expect(lines[0]).toMatch(
      /^-- column .fingerprint. of .idempotency_record.: It is missing: .* No statement mends that by itself\.$/,
    );
  });
});

describe.each(only("postgresql"))("upgrade on PostgreSQL", () => {
  test("gives columns the types of the package, and keeps what they hold", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "one");
    const before = await db.query("SELECT expires_at FROM idempotency_record");
    await db.query(
      `ALTER TABLE idempotency_record ALTER expires_at TYPE timestamp, ALTER locked_until TYPE date, ALTER scope TYPE varchar(9),
       ALTER owner TYPE char(64)`,
    );
    await apply(db);
    // A trial shows it, once nothing else is wrong.
    expect(await apply(db)).toEqual([
      'ALTER TABLE "idempotency_record" ALTER COLUMN "owner" TYPE TEXT USING "owner"::TEXT',
    ]);
    await expectUpToDate(db);
    expect(await drift(db)).toBeUndefined();
    expect(await db.query("SELECT expires_at FROM idempotency_record")).toEqual(before);
    expect(await idempotency.run(request("k"), async () => "two")).toMatchObject({
      value: "one",
      replayed: true,
    });
  });

  test("has a crash leave the tables as they are", async () => {
    await using db = await openPostgres();
    for (const table of ["idempotency_record", "idempotency_step"])
      await db.query(`ALTER TABLE ${table} SET UNLOGGED`);
    expect(await apply(db)).toHaveLength(2);
    await expectUpToDate(db);
  });

  test("names the privileges that the application's user lacks", async () => {
    await using db = await openPostgres();
    const [{ role } = { role: "" }] = await db.query("SELECT current_database() || '_app' AS role");
    await db.query(`CREATE ROLE ${role}`);
    try {
      await db.query(`GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO ${role}`);
      const idempotency = idempotencyOf(await db.connect({ serverOptions: `-c role=${role}` }));
      const { json } = await upgrade(idempotency);
      expect(json.statements[0]).toBe(`GRANT UPDATE ON "idempotency_record" TO ${role}`);
      for (const statement of json.statements) await db.query(statement);
      expect(await idempotency.check()).toEqual([]);
    } finally {
      await db.query(`DROP OWNED BY ${role}`);
      await db.query(`DROP ROLE ${role}`);
    }
  });

  test("cannot look where the database is away", async () => {
    await using db = await openPostgres();
    const url = new URL(db.url);
    url.port = "1";
    const error = await failureOf(upgrade(idempotencyOf(await db.connect({ url: url.href }))));
    expect(error.code).toBe("STORE_UNAVAILABLE");
  });
});

describe.each(only("mariadb"))("upgrade on MariaDB", () => {
  test("gives the tables that Prisma makes their collations, and columns their types", async () => {
    await using db = await openMariadb();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "one");
    for (const table of ["idempotency_record", "idempotency_step"]) {
      await db.query(`ALTER TABLE ${table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`);
    }
    await db.query(
      "ALTER TABLE idempotency_record MODIFY response TEXT, MODIFY locked_until DATETIME, MODIFY operation VARCHAR(100)",
    );
    await db.query("ALTER TABLE idempotency_step ENGINE = Aria");
    expect((await apply(db)).filter((statement) => statement.includes("CONVERT"))).toHaveLength(2);
    await expectUpToDate(db);
    expect(await idempotency.run(request("k"), async () => "two")).toMatchObject({
      value: "one",
      replayed: true,
    });
  });

  test("makes of what Prisma makes of the models what the package has", async () => {
    await using db = await openMariadb();
    const tables = ["idempotency_record", "idempotency_step"];
    for (const table of tables) await db.query(`DROP TABLE ${table}`);
    // As Prisma writes it: the engine that tests load knows no MySQL.
    const sql = read("prisma/mariadb/idempotency.sql")
      .replaceAll(" CHARACTER SET ascii COLLATE ascii_nopad_bin", "")
      .replaceAll("utf8mb4_nopad_bin", "utf8mb4_unicode_ci");
    for (const statement of sql.split(/;\n/)) if (statement.trim() !== "") await db.query(statement);
    expect(await apply(db)).toEqual(
      tables.map(
        (table) => `ALTER TABLE \`${table}\` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin`,
      ),
    );
    await expectUpToDate(db);
  });

  test("gives a key to a table whose collation must be mended before", async () => {
    await using db = await openMariadb();
    await db.query(
      "ALTER TABLE idempotency_step DROP PRIMARY KEY, CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
    );
    for (const name of ["a", "A"])
      await db.query(`INSERT INTO idempotency_step VALUES ('r', '${name}', now(), '', now())`);
    expect(await apply(db)).toEqual([
      "ALTER TABLE `idempotency_step` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
      "ALTER TABLE `idempotency_step` ADD PRIMARY KEY (`record_id`, `name`)",
    ]);
    await expectUpToDate(db);
  });
});
