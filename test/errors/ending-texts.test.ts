import { createClient } from "@libsql/client";
import fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endsTransaction } from "../../src/sql/dialect/ending.ts";
import { databases, type LockingDatabase, onPostgres, openPostgres } from "../support/database.ts";
import { growthOf, LINEAR } from "../support/growth.ts";
import { idempotencyOf, orderOf, records, request } from "../support/runs.ts";
import { times } from "../support/scale.ts";
import { createWhatEndingsNeed, endsOnPostgres, endsOnSqlite, withBackslash, withNumber } from "./endings.ts";

describe.each(databases)("a text with an end in it on $name", ({ open }) => {
  it("is refused in a handler, and nothing is committed", async () => {
    await using database = await open();
    for (const sql of [...endsOnSqlite, ...endsOnPostgres, withBackslash, ...withNumber]) {
      const run = idempotencyOf(database.prisma).run(request("k"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("k") });
        await tx.$executeRawUnsafe(sql).catch(() => undefined);
      });
      const error = await run.then(() => "none", String);
      expect([sql, error]).toEqual([sql, expect.stringContaining("tried to end its transaction itself")]);
    }
    expect([await database.countOrders(), await records(database)]).toEqual([0, []]);
  });
});

describe("a text ends no transaction", () => {
  it.each([
    "SELECT 'please; commit'",
    "SELECT 'COMMIT; ROLLBACK'",
    "SELECT CASE WHEN a THEN b\nEND FROM t -- commit",
    String.raw`SELECT CASE WHEN a ~ '\d' THEN b` + "\nEND FROM t",
    'UPDATE t SET "end" = 1',
    "UPDATE `t` SET `end` = 1",
    "INSERT INTO t VALUES ('C:\\commit')",
    "PREPARE p AS SELECT 1",
    "SAVEPOINT a",
    "ROLLBACK TO a",
    "ROLLBACK TO `a`",
    "rollback work to savepoint a",
    "-- back\nROLLBACK /* not all */ TO a",
    "RELEASE SAVEPOINT a",
    "DO $$ BEGIN COMMIT; END $$",
    "DO $do$BEGIN PERFORM $$;$$; END$do$;",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$; SELECT f()",
    "CREATE OR REPLACE FUNCTION f(a int DEFAULT (1)) RETURNS int BEGIN ATOMIC SELECT 1; SELECT a; END; SELECT f()",
    "CREATE PROCEDURE p() BEGIN ATOMIC END",
    "CREATE TEMP TRIGGER t AFTER INSERT ON a WHEN CASE WHEN 1 THEN 1 END BEGIN DELETE FROM b; DELETE FROM c; END;",
  ])("if it is %j", (sql) => expect(endsTransaction(sql)).toBe(false));

  it.each(["; end", "\nend ", "--\n", "\rend", "a$", "1a", "/*a*/", "$a$ ", "create begin atomic ("])(
    "is known, if it repeats %j, with costs that grow as its length",
    async (part) => {
      const sqlOf = (count: number) => `/**/ END FROM t ${part.repeat(count)}`;
      expect(await growthOf((count) => endsTransaction(sqlOf(count)), 1_000)).toBeLessThan(LINEAR);
    },
  );
});

/** What opens, closes or looks like a quote or a comment; and what would be in one. */
const fragment = fc.constantFrom(
  ..."' '' \" ` $$ $a$ $A$ $é$ $ -- /* */ \\ ; , a 1 1e5 e' é END BEGIN ATOMIC [ ( )".split(" "),
  ..." \n\r\u2028",
);
const junk = fc.array(fragment, { maxLength: 4 }).map((parts) => parts.join(""));

const value = fc.oneof(
  junk.map((text) => `'${text}'`),
  junk.map((text) => `e'${text}'`),
  fc.tuple(fc.constantFrom("$$", "$a$", "$A$", "$é$"), junk).map(([tag, text]) => tag + text + tag),
  fc.constantFrom("1 a$$", "1 a$a$", '1 "$$"', '1 AS "\'"', "1 AS é$é$", "/* ' */ 1", "$$'$$::text", "1 ` 1"),
  fc
    .tuple(fc.constantFrom("1 -- ", "1 --'"), junk, fc.constantFrom("\n", "\r"))
    .map((parts) => parts.join("")),
);
const selected = fc
  .array(value, { minLength: 1, maxLength: 3 })
  .map((values) => `SELECT ${values.join(", ")}`);
const created = fc.constantFrom(
  "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
  "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC END",
  "CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'SELECT 1'",
  "CREATE TABLE made (begin int)",
);
const end = fc.constantFrom(
  "COMMIT",
  "END",
  "ROLLBACK",
  "ROLLBACK AND CHAIN",
  "/* a */ abort",
  "-- a\nCOMMIT",
);
const statement = fc.oneof({ arbitrary: selected, weight: 3 }, created);
const text = fc
  .tuple(
    fc.array(statement, { maxLength: 2 }),
    end,
    fc.constantFrom("", "; SELECT 1", "; --", "; SELECT 1 "),
    junk,
  )
  .map(([statements, ending, after, rest]) => [...statements, ending].join("; ") + after + rest);

describe.runIf(onPostgres)("a text that ends the transaction on PostgreSQL", () => {
  let database: LockingDatabase;
  let client: Client;
  beforeAll(async () => {
    database = await openPostgres();
    await createWhatEndingsNeed(database);
    client = new Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
  });

  const transaction = async () =>
    (await client.query("SELECT pg_current_xact_id() AS id")).rows[0] as unknown;

  /** A transaction that has failed is not over: it answers with an error. */
  async function reallyEnds(sql: string, strings = "on"): Promise<boolean> {
    await client.query(`BEGIN; SET LOCAL standard_conforming_strings = ${strings}`);
    const before = await transaction();
    await client.query(sql).catch(() => undefined);
    const after = await transaction().catch(() => before);
    await client.query("ROLLBACK");
    await client.query(
      "DROP FUNCTION IF EXISTS f(), f(atomic); DROP TABLE IF EXISTS made; DROP TRIGGER IF EXISTS t ON begin",
    );
    return JSON.stringify(before) !== JSON.stringify(after);
  }

  it("is known as one, whatever is quoted around the end", async () => {
    let ended = 0;
    const runs = times({ short: 300, long: 5_000 });
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom("on", "off"), async (sql, strings) => {
        const ends = await reallyEnds(sql, strings);
        ended += Number(ends);
        return !ends || endsTransaction(sql);
      }),
      { numRuns: runs },
    );
    // Else hardly any text was one that PostgreSQL understands.
    expect(ended).toBeGreaterThan(runs / 10);
  });

  it("is each of those above", async () => {
    for (const sql of endsOnPostgres) {
      expect([sql, await reallyEnds(sql)]).toEqual([sql, true]);
    }
    expect(await reallyEnds(withBackslash, "off")).toBe(true);
  });
});

describe("a text that ends the transaction on SQLite", () => {
  async function reallyEnds(sql: string): Promise<boolean> {
    const client = createClient({ url: ":memory:" });
    try {
      const transaction = await client.transaction("write");
      await transaction.execute(sql);
      return transaction.closed;
    } finally {
      client.close();
    }
  }

  it("is each of those above", async () => {
    for (const sql of endsOnSqlite) {
      expect([sql, await reallyEnds(sql)]).toEqual([sql, true]);
    }
  });

  it("does so by its first statement: no other is executed", async () => {
    expect(await reallyEnds("SELECT 1; COMMIT")).toBe(false);
  });
});
