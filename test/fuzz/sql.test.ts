/** Texts of SQL that nobody has thought of, against real databases: literals are their values, and no end of a transaction passes. */
import { createClient } from "@libsql/client";
import fc from "fast-check";
import { Client, type QueryResult } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endsTransaction } from "../../src/sql/dialect/ending.ts";
import { withLiterals } from "../../src/sql/literal.ts";
import {
  createWhatEndingsNeed,
  endsOnPostgres,
  endsOnSqlite,
  withBackslash,
  withNumber,
} from "../errors/endings.ts";
import { type LockingDatabase, onPostgres, openPostgres } from "../support/database.ts";
import { fuzz, near } from "./fuzz.ts";

/** What opens, closes, or looks like a quote or a comment. */
const QUOTES = [
  "'",
  "''",
  '"',
  '""',
  "`",
  "$$",
  "$a$",
  "$1",
  "E'",
  "U&'",
  "\\",
  "\\'",
  "--",
  "/*",
  "*/",
  ";",
  "[",
  "]",
];
const SPACES = [" ", "\n", "\r", "\t", "\v", "\f", "\0", "\u00a0", "\u2028", "\ufeff"];
const WORDS = [
  "COMMIT",
  "END",
  "ABORT",
  "ROLLBACK",
  "TO",
  "a",
  "WORK",
  "TRANSACTION",
  "AND CHAIN",
  "PREPARE",
  "PREPARED 'x'",
  "BEGIN",
  "ATOMIC",
  "CREATE FUNCTION f() RETURNS int",
  "SELECT",
  "1",
  "DO",
  "AS",
  "SAVEPOINT",
  "RELEASE",
];
/** Texts that end one, and some that do not. */
const KNOWN = [
  ...endsOnPostgres,
  ...endsOnSqlite,
  ...withNumber,
  withBackslash,
  "ROLLBACK TO a",
  "ROLLBACK WORK TO SAVEPOINT a",
  "SELECT 'please; commit'",
  "SELECT $a$ ; COMMIT; $a$",
  "SELECT 1 -- ; COMMIT\n",
  "SELECT CASE WHEN true THEN 1\nEND",
  "PREPARE p AS SELECT 1; EXECUTE p",
  "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT",
  "SELECT E'\\''; COMMIT; --'",
];
const texts = fc.oneof(
  { weight: 3, arbitrary: near(KNOWN, [...QUOTES, ...SPACES, ...WORDS]) },
  fc
    .array(fc.constantFrom(...QUOTES, ...SPACES, ...WORDS, ";", " ", " "), { maxLength: 12 })
    .map((parts) => parts.join(" ")),
);

const values = fc.oneof(
  fc.string({
    unit: fc.oneof(
      fc.constantFrom(...QUOTES, "é", "漢", "ソ", "表", "😀", "\u0080", "\uffff"),
      fc.string({ unit: "binary", maxLength: 1 }),
    ),
    maxLength: 20,
  }),
  texts,
);
const isStorable = (value: string) => !/\0|\p{Surrogate}/u.test(value);

describe.runIf(onPostgres)("on PostgreSQL", () => {
  let database: LockingDatabase;
  let client: Client;
  beforeAll(async () => {
    database = await openPostgres();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query("SET escape_string_warning = off");
    await createWhatEndingsNeed(database);
  });
  afterAll(async () => {
    await client.end();
    await database[Symbol.asyncDispose]();
  });

  test("values as literals, side by side in a message, are these values, whatever the session speaks", async () => {
    const encodings = fc.constantFrom("UTF8", "SJIS", "GBK", "BIG5", "GB18030", "UHC", "LATIN1", "SQL_ASCII");
    await fuzz(
      fc.asyncProperty(
        fc.array(values, { minLength: 1, maxLength: 8 }),
        encodings,
        fc.boolean(),
        async (list, encoding, isOn) => {
          await client.query(
            `SET client_encoding = '${encoding}'; SET standard_conforming_strings = ${isOn ? "on" : "off"}`,
          );
          const hex = list.map(
            (_, n) => `encode(convert_to($${n + 1}::text, 'UTF8'), 'hex') AS "v$${n + 1}"`,
          );
          const statement = withLiterals({ text: `SELECT ${hex.join(", ")}`, values: list }, (one) =>
            client.escapeLiteral(one),
          );
          expect(statement === undefined).toBe(!list.every(isStorable));
          if (statement === undefined) return;
          const [first] = (await client.query(`${statement}; SELECT 1`)) as unknown as QueryResult[];
          expect(Object.values(first?.rows[0] as object)).toEqual(
            list.map((value) => Buffer.from(value).toString("hex")),
          );
        },
      ),
    );
  });

  const ID = "SELECT pg_current_xact_id()::text AS id";
  const idIn = (result: QueryResult | undefined) => result?.rows[0]?.id as string;

  /** A transaction that has failed is not over: it answers with an error. */
  async function reallyEnds(sql: string, strings: string): Promise<boolean> {
    const begin = `DEALLOCATE ALL; BEGIN; SET LOCAL standard_conforming_strings = ${strings}; SAVEPOINT a; ${ID}`;
    const before = idIn(((await client.query(begin)) as unknown as QueryResult[]).at(-1));
    await client.query(sql).catch(() => undefined);
    const after = await client.query(ID).then(idIn, () => before);
    await client.query("ROLLBACK");
    return before !== after;
  }

  test("a text that passes ends no transaction", async () => {
    await client.query("SET client_encoding = 'UTF8'");
    await fuzz(
      fc.asyncProperty(texts, fc.constantFrom("on", "off"), async (sql, strings) => {
        if (!endsTransaction(sql)) expect(await reallyEnds(sql, strings)).toBe(false);
      }),
    );
    // Else nothing above would be seen.
    expect(await reallyEnds("COMMIT", "on")).toBe(true);
  });
});

describe("on SQLite", () => {
  async function reallyEnds(sql: string): Promise<boolean> {
    const client = createClient({ url: ":memory:" });
    try {
      const transaction = await client.transaction("write");
      await transaction.execute("SAVEPOINT a");
      await transaction.execute(sql).catch(() => undefined);
      return transaction.closed;
    } finally {
      client.close();
    }
  }

  test("a text that passes ends no transaction", async () => {
    await fuzz(
      fc.asyncProperty(texts, async (sql) => {
        if (!endsTransaction(sql)) expect(await reallyEnds(sql)).toBe(false);
      }),
    );
    expect(await reallyEnds("COMMIT")).toBe(true);
  });
});
