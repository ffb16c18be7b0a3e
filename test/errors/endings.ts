/** Texts that end a transaction, and what they need to be understood. */
import type { TestDatabase } from "../support/database.ts";

/** Each ends the transaction on PostgreSQL. */
export const endsOnPostgres = [
  "CREATE INDEX ON slots (begin); COMMIT",
  "CREATE TEMP TABLE s ON COMMIT DROP AS SELECT begin FROM slots; COMMIT",
  "CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'SELECT 1'; END",
  "CREATE FUNCTION f() RETURNS void BEGIN ATOMIC END; END",
  "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; COMMIT",
  "CREATE TRIGGER t AFTER INSERT ON begin FOR EACH ROW EXECUTE FUNCTION g(); END",
  "SELECT 1 AS a$$; COMMIT; SELECT 1 AS b$$",
  "SELECT 1 AS é$a$; COMMIT; SELECT 1 AS b$a$",
  "DO LANGUAGE $$plpgsql$$$a$ BEGIN END; --' $a$; COMMIT; --'",
  "SELECT $a$ $A$, $b$ $a$; COMMIT; --$b$",
  "SELECT $é$ ' $é$; COMMIT; --'",
  "-- '\rCOMMIT; --'",
  "-- \r COMMIT",
  "SELECT 1 ` 1; COMMIT; SELECT 1 ` 1",
  "SELECT $\ud800$ ' $\ud801$; COMMIT; --'",
  "PREPARE /* in two phases */ TRANSACTION 'x'",
  "SELECT 1; abort",
  "/* a /* b */ c */ ROLLBACK",
];

/** So does this one after SET standard_conforming_strings = off. */
export const withBackslash = String.raw`SELECT '\''; COMMIT; --'`;

/** In PostgreSQL 14 a word may follow a number at once, and in all versions a dollar quote. */
export const withNumber = ["SELECT 1a$$; COMMIT; SELECT 1a$$", "SELECT 1$$'$$; COMMIT; --'"];

/** Each ends the transaction on SQLite by its first statement. */
export const endsOnSqlite = [
  "COMMIT",
  "commit -- begin atomic",
  "/* /* */ COMMIT -- */",
  "-- \r '\nCOMMIT --'",
  "-- \u2028 '\nCOMMIT; --'",
  "-- \u2029 '\n ; ; END; --'",
  "/* ' */ COMMIT /* ' */",
  "\uFEFFCOMMIT",
  "ROLLBACK TRANSACTION to$x",
];

/** Tables, an operator, a domain and a function that the texts for PostgreSQL name. */
export async function createWhatEndingsNeed(database: TestDatabase): Promise<void> {
  await database.query("CREATE OPERATOR ` (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl)");
  await database.query("CREATE DOMAIN atomic AS int");
  await database.query("CREATE TABLE slots (begin int)");
  await database.query("CREATE TABLE begin (n int)");
  await database.query("CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
}
