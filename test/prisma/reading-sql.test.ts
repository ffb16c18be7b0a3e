import { describe, expect, it } from "vitest";
import { isReading } from "../../src/prisma/handler/reading-sql.ts";

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
    "CALL f()",
    "",
  ])("is taken for a write: %s", (sql) => {
    expect(isReading(sql)).toBe(false);
  });

  it("is looked at in no time, however long", () => {
    const begin = performance.now();
    for (const part of ["/*a*/", "(", "'", "--", " ;", "for no key ", "/* "]) {
      expect(isReading(`with ${part.repeat(10_000)} update`)).toBeTypeOf("boolean");
    }
    expect(performance.now() - begin).toBeLessThan(2_000);
  });
});
