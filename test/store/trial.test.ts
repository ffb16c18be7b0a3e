/** What check() finds by trying: what a catalogue does not say, or not of every column. */
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/core/contract/upkeep/finding.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, onPostgres, openPostgres, openSqlite, type TestDatabase } from "../support/database.ts";
import { ddl } from "../support/ddl.ts";
import { selectedProviders } from "../support/providers.ts";
import { failureOf, records } from "../support/runs.ts";
import { alter, type Case, constraint, findingsOf, linesOf, named } from "./trial-support.ts";

const POSTGRESQL: readonly Case[] = [
  [
    "a fingerprint that is padded",
    [alter("ALTER fingerprint TYPE char(64)")],
    /^fatal, column fingerprint of idempotency_record: .* comes back changed.* it is a character\(64\): make it a text\.$/,
  ],
  [
    "an id, an owner and a status that are padded",
    [alter("ALTER id TYPE char(64), ALTER owner TYPE char(64), ALTER status TYPE char(16)")],
    /^fatal, column status of/,
    /^fatal, column owner of/,
  ],
  [
    "an id that is padded",
    [alter("ALTER id TYPE char(64)")],
    /^fatal, column id of .* character\(64\): make it a text/,
  ],
  [
    "an owner that is too short",
    [alter("ALTER owner TYPE varchar(20)")],
    /^fatal, table idempotency_record: A run fails there: value too long for type character varying\(20\)\.$/,
  ],
  [
    "a result that is jsonb",
    [alter("ALTER response TYPE jsonb USING NULL")],
    /^fatal, table idempotency_record: A run fails there: invalid input syntax.* Column response is a jsonb: make it a text\.$/,
  ],
  [
    "an input that is json",
    [alter("ALTER input TYPE json USING NULL")],
    /^fatal, table idempotency_record: .* Column input is a json: make it a text\.$/,
  ],
  [
    "the result of a step that is bytea",
    [alter("ALTER response TYPE bytea USING NULL", "idempotency_step")],
    /^fatal, table idempotency_step: .* Column response is a bytea: make it a text\.$/,
  ],
  [
    "a scope that is a number",
    [alter("ALTER scope TYPE bigint USING 1")],
    /^fatal, column scope of idempotency_record: .* comes back changed.* it is a bigint: make it a text/,
  ],
  [
    "times of whole days",
    [alter("ALTER locked_until TYPE date, ALTER expires_at TYPE timestamptz(0)")],
    /^fatal, column locked_until of idempotency_record: It is a date, too coarse/,
    /^fatal, column expires_at of idempotency_record: It is a timestamp\(0\) with time zone, too coarse/,
  ],
  [
    "times of steps other than those of records",
    [
      alter("ALTER record_created_at TYPE timestamptz(4)", "idempotency_step"),
      alter("ALTER created_at TYPE timestamptz(6)"),
    ],
    /^fatal, column record_created_at of idempotency_step: .* comes back changed/,
  ],
  [
    "a constraint on the result",
    [constraint],
    /^fatal, table idempotency_record: A run fails there: .*constraint short\.$/,
  ],
  [
    "a constraint on texts that are not ASCII",
    [alter("ADD CONSTRAINT ascii CHECK (octet_length(scope) = length(scope))")],
    /^warning, table idempotency_record: Not each text of Unicode can be stored there.*constraint ascii\.$/,
  ],
  [
    "a column of the application's without a default",
    [alter("ADD COLUMN tenant text NOT NULL")],
    /^fatal, table idempotency_record: A run fails there: null value in column tenant/,
  ],
  [
    "the same of steps",
    [alter("ADD COLUMN tenant text NOT NULL", "idempotency_step")],
    /^fatal, table idempotency_step: A run fails there: null value in column tenant/,
  ],
  [
    "a generated column",
    [alter("DROP COLUMN input"), alter("ADD COLUMN input text GENERATED ALWAYS AS (scope || key) STORED")],
    /^fatal, table idempotency_record: A run fails there: .*column input/,
  ],
  [
    "an identity",
    [alter("ALTER attempt DROP DEFAULT, ALTER attempt ADD GENERATED ALWAYS AS IDENTITY")],
    /^fatal, table idempotency_record: A run fails there: cannot insert a non-DEFAULT value into column attempt\.$/,
  ],
  [
    "a unique key",
    ["CREATE UNIQUE INDEX ON idempotency_record (key)"],
    /^fatal, unique index on \(key\) of idempotency_record: It takes different rows for one/,
  ],
  [
    "one step per record",
    ["CREATE UNIQUE INDEX ON idempotency_step (record_id)"],
    /^fatal, unique index on \(record_id\) of idempotency_step/,
  ],
  [
    "a unique index on all that names a record",
    ["CREATE UNIQUE INDEX ON idempotency_record (key, scope, operation)"],
  ],
  [
    "a unique index on some rows",
    ["CREATE UNIQUE INDEX one ON idempotency_record (operation) WHERE status = 'in_progress'"],
    /^fatal, table idempotency_record: A run fails there: duplicate key value violates unique constraint one\.$/,
  ],
  [
    "an index on results, which are too long for that",
    ["CREATE INDEX ON idempotency_record (response)"],
    /^fatal, table idempotency_record: A run fails there: index row size/,
  ],
  [
    "names of steps that differ by case",
    [
      "CREATE COLLATION same (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
      alter("ALTER name TYPE text COLLATE same", "idempotency_step"),
    ],
    /^fatal, column name of idempotency_step: It takes different names of steps for the same/,
  ],
  [
    "a trigger that changes what is stored",
    [
      "CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.response := trim(NEW.response); RETURN NEW; END'",
      "CREATE TRIGGER trim BEFORE UPDATE ON idempotency_record FOR EACH ROW EXECUTE FUNCTION trimmed()",
    ],
    /^warning, trigger trim/,
    /^fatal, column response of idempotency_record: .*Compare its type, text/,
  ],
  ...(["expires_at", "locked_until"] as const).map(
    (column): Case => [
      `a trigger that changes ${column}`,
      [
        `CREATE FUNCTION soon() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.${column} := CASE WHEN NEW.${column} IS NOT NULL THEN now() END; RETURN NEW; END'`,
        "CREATE TRIGGER soon BEFORE INSERT ON idempotency_record FOR EACH ROW EXECUTE FUNCTION soon()",
      ],
      /^warning, trigger soon/,
      new RegExp(`^fatal, column ${column} of idempotency_record: A time there is over before it should be`),
    ],
  ),
  [
    "a trigger that keeps rows from being deleted",
    [
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      "CREATE TRIGGER keep BEFORE DELETE ON idempotency_record FOR EACH ROW EXECUTE FUNCTION nothing()",
    ],
    /^warning, trigger keep/,
    /^warning, table idempotency_record: A row outlives its DELETE/,
  ],
  [
    "a rule that keeps steps from being deleted",
    ["CREATE RULE keep AS ON DELETE TO idempotency_step DO INSTEAD NOTHING"],
    /^warning, table idempotency_step: A row outlives its DELETE/,
  ],
  [
    "a trigger that stores nothing",
    [
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      "CREATE TRIGGER lose BEFORE INSERT ON idempotency_step FOR EACH ROW EXECUTE FUNCTION nothing()",
    ],
    /^warning, trigger lose/,
    /^fatal, table idempotency_step: A run fails there: The database accepts a write, and does not keep it/,
  ],
  [
    "a reference to a table of the application's",
    ["CREATE TABLE account (id text PRIMARY KEY)", alter("ADD FOREIGN KEY (scope) REFERENCES account")],
    /^warning, table idempotency_record: A record of a made-up name cannot be stored there, so no more was tried: .*foreign key/,
  ],
];

describe.runIf(onPostgres)("check() on PostgreSQL finds", () => {
  test.each(named(POSTGRESQL))("%s", async (_, { sql, findings }) => {
    await using db = await openPostgres();
    for (const statement of sql) await db.query(statement);
    expect(await findingsOf(db)).toEqual(findings.map((finding) => expect.stringMatching(finding)));
  });

  test("what a database of another encoding cannot store", async () => {
    await using db = await openPostgres();
    const [{ name } = { name: "" }] = await db.query("SELECT current_database() || '_latin1' AS name");
    await db.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    try {
      const url = new URL(db.url);
      url.pathname = `/${name}`;
      const latin = await db.connect({ url: url.href });
      await latin.$executeRawUnsafe("CREATE SCHEMA IF NOT EXISTS public");
      for (const statement of ddl("postgresql", "plain").split(";")) await latin.$executeRawUnsafe(statement);
      const findings = await createIdempotency({ prisma: latin }).check();
      expect(linesOf(findings)).toEqual([
        expect.stringMatching(
          /^warning, table idempotency_record: Not each text of Unicode can be stored there/,
        ),
      ]);
      await latin.$disconnect();
    } finally {
      await db.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
});

describe.runIf(selectedProviders().includes("sqlite"))("check() on SQLite finds", () => {
  /** SQLite changes no column: the table is made anew, with another text for its columns. */
  async function openWith(table: string, before: string | RegExp, after: string): Promise<TestDatabase> {
    const db = await openSqlite();
    const [{ sql } = { sql: "" }] = await db.query(`SELECT sql FROM sqlite_master WHERE name = '${table}'`);
    const changed = String(sql).replace(before, after);
    expect(changed).not.toBe(sql);
    await db.query(`DROP TABLE ${table}`);
    await db.query(changed);
    if (table === "idempotency_record")
      await db.query("CREATE INDEX expiry ON idempotency_record (expires_at)");
    await db.query("CREATE INDEX lapse ON idempotency_record (locked_until)");
    return db;
  }

  test.each([
    ["idempotency_record", '"key" TEXT', '"key" INTEGER', "fatal, column key of idempotency_record"],
    ["idempotency_record", '"scope" TEXT', '"scope" NUMERIC', "fatal, column scope of idempotency_record"],
    [
      "idempotency_record",
      '"operation" TEXT',
      '"operation" REAL',
      "fatal, column operation of idempotency_record",
    ],
    [
      "idempotency_record",
      '"response" TEXT',
      '"response" TEXT CHECK (json_valid(response))',
      "fatal, table idempotency_record",
    ],
    [
      "idempotency_record",
      '"input" TEXT',
      '"input" TEXT, "tenant" TEXT NOT NULL',
      "fatal, table idempotency_record",
    ],
    [
      "idempotency_record",
      '"scope" TEXT',
      '"scope" TEXT UNIQUE',
      "fatal, unique index on (scope) of idempotency_record",
    ],
    [
      "idempotency_step",
      '"name" TEXT',
      '"name" TEXT COLLATE NOCASE',
      "fatal, column name of idempotency_step",
    ],
    [
      "idempotency_step",
      '"response" TEXT',
      '"response" TEXT CHECK (length(response) < 9)',
      "fatal, table idempotency_step",
    ],
  ])("in %s, %s as %s", async (table, before, after, found) => {
    await using db = await openWith(table, before, after);
    expect(await findingsOf(db)).toEqual([expect.stringContaining(`${found}: `)]);
  });

  test.each([
    ["BEFORE INSERT ON idempotency_record", "fatal, table idempotency_record"],
    ["BEFORE UPDATE ON idempotency_record", "fatal, table idempotency_record"],
    ["BEFORE INSERT ON idempotency_step", "fatal, table idempotency_step"],
    ["BEFORE DELETE ON idempotency_step", "warning, table idempotency_step"],
  ])("a trigger %s that lets no row through", async (when, found) => {
    await using db = await openSqlite();
    await db.query(`CREATE TRIGGER still ${when} BEGIN SELECT RAISE(IGNORE); END`);
    expect(await findingsOf(db)).toEqual([
      expect.stringContaining("warning, trigger still"),
      expect.stringContaining(`${found}: `),
    ]);
  });
});

const withUsers = databases.filter(({ name }) => name !== "sqlite");
type Open = (typeof databases)[number]["open"];

/** A user of the database who may do what is granted, directly or by a role, and no more. */
async function openAs(open: Open, granted: (role: string) => readonly string[], byRole: boolean) {
  const db = await open();
  const name = new URL(db.url).pathname.slice(1);
  const [user, role] = [`${name}_user`.slice(-60), `${name}_role`.slice(-60)];
  const isMariadb = db.provider === "mariadb";
  const url = new URL(db.url);
  url.username = user;
  url.password = "secret";
  const sql = isMariadb
    ? [
        `CREATE USER ${user}@'%' IDENTIFIED BY 'secret'`,
        `CREATE ROLE ${role}`,
        `GRANT ${role} TO ${user}@'%'`,
      ]
    : [`CREATE ROLE ${user} LOGIN PASSWORD 'secret'`, `CREATE ROLE ${role}`, `GRANT ${role} TO ${user}`];
  if (isMariadb) sql.push(`SET DEFAULT ROLE ${role} FOR ${user}@'%'`);
  for (const statement of sql) await db.query(statement);
  for (const statement of granted(byRole ? role : isMariadb ? `${user}@'%'` : user))
    await db.query(statement);
  return {
    db,
    user,
    url: url.href,
    client: await db.connect({ url: url.href }),
    async [Symbol.asyncDispose]() {
      const roles = [role, user];
      for (const each of isMariadb ? [] : roles) await db.query(`DROP OWNED BY ${each}`);
      const drop = isMariadb
        ? [`DROP ROLE ${role}`, `DROP USER ${user}@'%'`]
        : roles.map((each) => `DROP ROLE ${each}`);
      for (const statement of drop) await db.query(statement);
      await db[Symbol.asyncDispose]();
    },
  };
}

describe.each(withUsers)("a user of $name", ({ open }) => {
  const TABLES = ["idempotency_record", "idempotency_step"];
  const ALL = ["SELECT", "INSERT", "UPDATE", "DELETE"];

  test.each([
    ["record", "INSERT", "fatal"],
    ["record", "UPDATE", "fatal"],
    ["record", "DELETE", "warning"],
    ["step", "INSERT", "fatal"],
    ["step", "UPDATE", "fatal"],
    ["step", "DELETE", "warning"],
    ["step", "SELECT", "fatal"],
  ] as const)(
    "without a privilege on the table of %ss is told which: %s",
    async (kind, lacking, severity) => {
      const grants = (to: string) =>
        TABLES.map((table) => {
          const privileges = ALL.filter((each) => each !== lacking || !table.endsWith(kind));
          return `GRANT ${privileges.join(", ")} ON ${table} TO ${to}`;
        });
      await using as = await openAs(open, grants, true);
      const table = `idempotency_${kind}`;
      expect(await findingsOf(as.db, as.client)).toEqual([
        expect.stringMatching(
          new RegExp(
            `^${severity}, table ${table}: .* has no privilege ${lacking} on it, .*: GRANT ${lacking} ON ${table} TO .*${as.user}`,
          ),
        ),
      ]);
    },
  );

  test.each([true, false])("with all privileges, by a role: %s, is told nothing", async (byRole) => {
    await using as = await openAs(
      open,
      (to) => TABLES.map((table) => `GRANT ${ALL.join(", ")} ON ${table} TO ${to}`),
      byRole,
    );
    expect(await findingsOf(as.db, as.client)).toEqual([]);
  });

  test("who may do nothing is told so, and not to retry", async () => {
    await using as = await openAs(open, () => [], false);
    // MariaDB does not even let him in, which its driver tries again until then.
    const client = await as.db.connect({ url: as.url, pool: { acquireTimeout: 3_000 } });
    expect(await failureOf(createIdempotency({ prisma: client }).check())).toMatchObject({
      code: "STORE_MISCONFIGURED",
      retryable: false,
    });
  });

  test("who may only read is told of all that is missing, and the GRANT mends it", async () => {
    await using as = await openAs(
      open,
      (to) => TABLES.map((table) => `GRANT SELECT ON ${table} TO ${to}`),
      false,
    );
    const found = await findingsOf(as.db, as.client);
    expect(found.map((line) => line.replace(/:.*/, ""))).toEqual(
      TABLES.flatMap((table) => [`fatal, table ${table}`, `warning, table ${table}`]),
    );
    const findings = await createIdempotency({ prisma: as.client })
      .check()
      .catch((error: { details: { findings: Finding[] } }) => error.details.findings);
    for (const { message } of findings) {
      const [, grant = ""] = /(GRANT .*)\.$/.exec(message) ?? [];
      await as.db.query(grant);
    }
    expect(await findingsOf(as.db, as.client)).toEqual([]);
  });
});

describe.each(databases)("check() on $name", ({ open }) => {
  test("leaves the records of others alone, and is in nobody's way", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma, retentionMs: 1 });
    await idempotency.run({ operation: "o", scope: "s", key: "k" }, async () => 1);
    const before = await records(db);
    const checks = Array.from({ length: 4 }, () => idempotency.check());
    expect(await Promise.all(checks)).toEqual([[], [], [], []]);
    expect(await records(db)).toEqual(before);
  });
});
