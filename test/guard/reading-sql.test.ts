import { describe, expect, it } from "vitest";
import { isReading } from "../../src/prisma/guard/reading-sql.ts";
import { growthOf, LINEAR } from "../support/growth.ts";

describe("a raw query", () => {
  it.each([
    "select 1",
    "\n SELECT * FROM x FOR UPDATE;",
    "/* by: orders */ select 1",
    "-- insert\nSELECT 1",
    "(SELECT 1) UNION (SELECT 2)",
    `SELECT "into" FROM x WHERE y = 'a; delete from x'`,
    "WITH a AS (SELECT 1 AS n) SELECT replace(n, 'a', 'b') FROM a",
    'WITH a AS (SELECT 1) SELECT id AS "update" FROM a -- update',
    "WITH a AS (SELECT 1) SELECT * FROM b FOR NO KEY UPDATE",
    "explain select 1",
    "show server_version",
    "VALUES (1)",
    "TABLE x",
    "PRAGMA journal_mode",
    String.raw`SELECT E'\'; delete', $$; delete$$, $a$ $$ ; delete $a$, $1 FROM x`,
    "SELECT like'%' FROM x",
    "SELECT $é$; delete$é$, 'a' AS b$$, 1 AS c$$ -- ;\r\nFROM x",
  ])("reads: %s", (sql) => {
    expect(isReading(sql)).toBe(true);
  });

  it.each([
    "INSERT INTO x VALUES (1)",
    "/* select */ insert into x values (1)",
    "-- select\nDELETE FROM x",
    "SELECT 1 AS n INTO TABLE x",
    "SELECT 1; DELETE FROM x",
    "EXPLAIN ANALYZE DELETE FROM x",
    "EXPLAIN (ANALYSE, BUFFERS) INSERT INTO x VALUES (1)",
    "WITH a AS (INSERT INTO x VALUES (1) RETURNING *) SELECT * FROM a",
    "WITH a AS (DELETE FROM x RETURNING *) SELECT 1",
    'with a as (update only "X" set n = 1 returning 1) select 1',
    "WITH a AS (SELECT 1) MERGE INTO x USING a ON true WHEN MATCHED THEN DELETE",
    "WITH a AS (SELECT 1) INSERT OR IGNORE INTO x SELECT * FROM a RETURNING id",
    "WITH a AS (SELECT 1 AS n) SELECT n INTO made FROM a",
    "WITH a AS (SELECT 1) DELETE x FROM x JOIN a",
    String.raw`WITH a AS (SELECT E'\'' AS q) INSERT INTO x SELECT 'x' FROM a RETURNING id`,
    "WITH a AS (SELECT $$'$$ AS q) INSERT INTO x SELECT 'x' FROM a RETURNING id",
    "WITH a AS (SELECT 1) /* /* */ ' */ INSERT INTO x SELECT 1 FROM a RETURNING id",
    "SELECT 1 AS a$$; DELETE FROM x; SELECT 1 AS b$$",
    "SELECT $a$ $A$, $b$ $a$; DELETE FROM x; --$b$",
    "SELECT $é$ ' $é$; DELETE FROM x; --'",
    "SELECT 1 -- \u2028 '\n; DELETE FROM x --'",
    "SELECT 1 -- '\r; DELETE FROM x --'",
    "SELECT 1 /*! INTO OUTFILE 'x' */",
    'EXPLAIN ("analyze" true) INSERT INTO x VALUES (1)',
    "CALL f()",
    "",
  ])("is taken for a write: %s", (sql) => {
    expect(isReading(sql)).toBe(false);
  });

  it.each(["/*a*/", "(", "'", "--", " ;", "for no key ", "/* ", "$$", "$a$ $b$", "e'"])(
    "that repeats %s is looked at with costs that grow as its length",
    async (part) => {
      const sqlOf = (count: number) => `with ${part.repeat(count)} update`;
      expect(await growthOf((count) => isReading(sqlOf(count)), 1_000)).toBeLessThan(LINEAR);
    },
  );

  it.each(["'", '"', "`", "e'", "$$"])(
    "that quotes a long text with %s is looked at likewise",
    async (quote) => {
      const sqlOf = (length: number) => `select ${quote}${"a".repeat(length)}${quote.replace("e", "")}`;
      expect(isReading(sqlOf(20_000_000))).toBe(true);
      expect(await growthOf((length) => isReading(sqlOf(length)), 100_000)).toBeLessThan(LINEAR);
    },
  );
});
