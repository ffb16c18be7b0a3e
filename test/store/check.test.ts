import { describe, expect, test } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { expire, failureOf, idempotencyOf, pretending, records, request } from "../support/runs.ts";

const check = (db: TestDatabase) => idempotencyOf(db.prisma).check();

const quotedIn = ({ provider }: TestDatabase, name: string) =>
  provider === "mariadb" ? `\`${name}\`` : `"${name}"`;

async function fatalIn(db: TestDatabase): Promise<string[]> {
  const error = await failureOf(check(db));
  expect(error).toMatchObject({ code: "STORE_MISCONFIGURED", retryable: false });
  const { findings = [] } =
    isIdempotencyError(error) && error.code === "STORE_MISCONFIGURED" ? error.details : {};
  const fatal = findings.filter(({ severity }) => severity === "fatal");
  for (const { subject, message } of fatal) expect(error.message).toContain(`${subject}: ${message}`);
  return fatal.map(({ subject }) => subject);
}

describe.each(databases)("check() on $name", ({ open }) => {
  test("finds nothing in a good set-up, and writes nothing", async () => {
    await using db = await open();
    expect([await check(db), await records(db)]).toEqual([[], []]);
  });

  test.each(["idempotency_record", "idempotency_step"])("throws for a missing table: %s", async (table) => {
    await using db = await open();
    await db.query(`DROP TABLE ${table}`);
    expect(await fatalIn(db)).toEqual([`table ${quotedIn(db, table)}`]);
  });

  test("throws for a missing column, as an older version of the tables has it", async () => {
    await using db = await open();
    await db.query("ALTER TABLE idempotency_record DROP COLUMN input");
    expect(await fatalIn(db)).toEqual([
      `column ${quotedIn(db, "input")} of ${quotedIn(db, "idempotency_record")}`,
    ]);
  });

  test.each([
    ["prune()", "expires_at"],
    ["completers", "locked_until"],
  ])("warns of a missing index for %s", async (who, column) => {
    await using db = await open();
    const table = db.provider === "mariadb" ? " ON idempotency_record" : "";
    await db.query(`DROP INDEX idempotency_record_${column}_idx${table}`);
    const subject = `column ${quotedIn(db, column)} of ${quotedIn(db, "idempotency_record")}`;
    const message = expect.stringContaining(`${who} read`) as string;
    expect(await check(db)).toMatchObject([{ severity: "warning", subject, message }]);
  });

  test("warns where nobody prunes", async () => {
    await using db = await open();
    await idempotencyOf(db.prisma).run(request("k"), async () => 1);
    await expire(db);
    expect(await check(db)).toEqual([]);
    const times = {
      sqlite: "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '-73 hours')",
      mariadb: "UTC_TIMESTAMP(3) - INTERVAL 73 HOUR",
      postgresql: "now() - interval '73 hours'",
    };
    await db.query(`UPDATE idempotency_record SET expires_at = ${times[db.provider]}`);
    const [finding] = await check(db);
    expect(finding).toMatchObject({ severity: "warning", subject: quotedIn(db, "idempotency_record") });
    expect(finding?.message).toContain("expired 3 days ago");
    expect(finding?.message).toContain("startPruning()");
  });

  test("warns of triggers that could keep a write from its row", async () => {
    await using db = await open();
    if (db.provider === "sqlite") {
      await db.query("CREATE TRIGGER audit BEFORE UPDATE ON idempotency_record BEGIN SELECT 1; END");
    } else if (db.provider === "mariadb") {
      for (const [name, time] of [
        ["audit", "BEFORE"],
        ["after_all", "AFTER"],
      ]) {
        await db.query(
          `CREATE TRIGGER ${name} ${time} UPDATE ON idempotency_record FOR EACH ROW SET @seen = 1`,
        );
      }
    } else {
      await db.query("CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
      const trigger = (name: string, time: string) =>
        `CREATE TRIGGER ${name} ${time} ON idempotency_record FOR EACH ROW EXECUTE FUNCTION same()`;
      await db.query(trigger("audit", "BEFORE UPDATE"));
      await db.query(trigger("after_all", "AFTER UPDATE"));
    }
    expect(await check(db)).toMatchObject([
      { severity: "warning", subject: `trigger audit on ${quotedIn(db, "idempotency_record")}` },
    ]);
  });

  test("throws where nothing keeps two runs apart", async () => {
    await using db = await open();
    await db.query("ALTER TABLE idempotency_record RENAME TO old");
    await db.query("CREATE TABLE idempotency_record AS SELECT * FROM old");
    expect(await fatalIn(db)).toEqual([`primary key of ${quotedIn(db, "idempotency_record")}`]);
  });

  test("warns of a Prisma that lacks what is read, and of versions that are not tested", async () => {
    await using db = await open();
    const engine = pretending(db.prisma, { _clientVersion: "7.2.0", _runtimeDataModel: undefined });
    const later = pretending(engine, { _originalClient: engine });
    const findings = await idempotencyOf(later, {}).check();
    expect(findings.map(({ subject, message }) => `${subject} ${message}`)).toEqual([
      expect.stringMatching(/^Prisma 7\.2\.0 It has no _runtimeDataModel, so names of tables/),
      expect.stringMatching(/^Prisma 7\.2\.0 It is not a version/),
    ]);
  });
});

describe.runIf(onPostgres)("check() on PostgreSQL", () => {
  test("warns of times without a zone, and of texts with an end", async () => {
    await using db = await openPostgres();
    await db.query(
      "ALTER TABLE idempotency_record ALTER expires_at TYPE timestamp, ALTER response TYPE varchar(9)",
    );
    expect((await check(db)).map(({ subject }) => subject)).toEqual([
      'column expires_at of "idempotency_record"',
      'column response of "idempotency_record"',
    ]);
  });

  test("warns of row-level security that the user is subject to", async () => {
    await using db = await openPostgres();
    await db.query("ALTER TABLE idempotency_step ENABLE ROW LEVEL SECURITY");
    expect(await check(db)).toEqual([]);
    const [{ role } = { role: "" }] = await db.query("SELECT current_database() || '_tenant' AS role");
    await db.query(`CREATE ROLE ${role}`);
    try {
      await db.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
      const tenant = await db.connect({ serverOptions: `-c role=${role}` });
      const hurdle = {
        severity: "warning",
        subject: 'row-level security idempotency_step on "idempotency_step"',
      };
      const refused = await failureOf(idempotencyOf(tenant).check());
      expect(refused).toMatchObject({
        details: { findings: [hurdle, { severity: "fatal", subject: 'table "idempotency_step"' }] },
        message: expect.stringContaining("new row violates row-level security policy") as string,
      });
      await db.query("CREATE POLICY all_of_it ON idempotency_step USING (true)");
      expect(await idempotencyOf(tenant).check()).toMatchObject([hurdle]);
    } finally {
      await db.query(`DROP OWNED BY ${role}`);
      await db.query(`DROP ROLE ${role}`);
    }
  });

  test.each(["idempotency_record", "idempotency_step"])(
    "throws for a table that a crash empties: %s",
    async (table) => {
      await using db = await openPostgres();
      await db.query(`ALTER TABLE ${table} SET UNLOGGED`);
      const error = await failureOf(idempotencyOf(db.prisma).check());
      expect(error.message).toContain(`"${table}": It is unlogged`);
      await db.query(`ALTER TABLE ${table} SET LOGGED`);
      expect(await idempotencyOf(db.prisma).check()).toEqual([]);
    },
  );

  test("throws for a server that takes no writes", async () => {
    await using db = await openPostgres();
    const standby = await db.connect({ serverOptions: "-c default_transaction_read_only=on" });
    const error = await failureOf(idempotencyOf(standby).check());
    expect(error.message).toContain("database server: It takes no writes");
  });

  test.each([
    ["CockroachDB CCL v25.2.1 (x86_64-pc-linux-gnu)", "fatal", "It is CockroachDB"],
    ["PostgreSQL 15.12-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu", "fatal", "It is YugabyteDB"],
    ["PostgreSQL 12.22 on x86_64-pc-linux-gnu", "warning", "It is PostgreSQL 12"],
    ["PostgreSQL 18.4 on x86_64-pc-linux-gnu", undefined, ""],
  ])(
    "tells a server that nothing was tried on by what it says of itself: %s",
    async (said, severity, text) => {
      await using db = await openPostgres();
      await db.query(`CREATE FUNCTION public.version() RETURNS text LANGUAGE sql AS $$ SELECT '${said}' $$`);
      const other = await db.connect({ serverOptions: "-c search_path=public,pg_catalog -c TimeZone=UTC" });
      const check = idempotencyOf(other).check();
      if (severity === "fatal")
        expect((await failureOf(check)).message).toContain(`database server: ${text}`);
      else
        expect(await check).toEqual(
          severity === undefined
            ? []
            : [expect.objectContaining({ severity, message: expect.stringContaining(text) })],
        );
    },
  );

  test("is STORE_UNAVAILABLE where the database is away", async () => {
    await using db = await openPostgres();
    const url = new URL(db.url);
    url.port = "1";
    const error = await failureOf(idempotencyOf(await db.connect({ url: url.href })).check());
    expect(error.code).toBe("STORE_UNAVAILABLE");
  });
});
