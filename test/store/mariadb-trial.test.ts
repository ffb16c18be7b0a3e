/** What check() finds by trying on MariaDB. */
import { describe, expect, test } from "vitest";
import { onMariadb, openMariadb } from "../support/database.ts";
import { alter, type Case, constraint, findingsOf, named } from "./trial-support.ts";

const MARIADB: readonly Case[] = [
  [
    "a result that must be JSON",
    [alter("MODIFY response JSON")],
    /^fatal, table idempotency_record: A run fails there: CONSTRAINT idempotency_record\.response failed/,
  ],
  [
    "a key without the spaces at its end",
    [alter('MODIFY "key" char(255) NOT NULL')],
    /^fatal, column key of idempotency_record: .* comes back changed/,
  ],
  [
    "an owner that is bytes",
    [alter("MODIFY owner varbinary(64) NOT NULL")],
    /^fatal, column owner of idempotency_record: .* it is a varbinary\(64\): make it/,
  ],
  [
    "an owner that is too short",
    [alter("MODIFY owner varchar(20) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL")],
    /^fatal, table idempotency_record: A run fails there: Data too long for column 'owner'/,
  ],
  [
    "a scope of another character set",
    [alter("MODIFY scope varchar(255) CHARACTER SET latin1 NOT NULL")],
    /^warning, column scope of/,
    /^warning, table idempotency_record: Not each text of Unicode can be stored there.*scope at row 1/,
  ],
  [
    "a column of the application's without a default",
    [alter("ADD COLUMN tenant varchar(9) NOT NULL")],
    /^fatal, table idempotency_record: A run fails there: Field 'tenant' doesn't have a default value/,
  ],
  [
    "a generated column",
    [alter("DROP COLUMN input"), alter("ADD COLUMN input longtext GENERATED ALWAYS AS (scope) STORED")],
    /^fatal, table idempotency_record: A run fails there: .*'input'/,
  ],
  [
    "a constraint on the result",
    [constraint],
    /^fatal, table idempotency_record: A run fails there: CONSTRAINT short failed/,
  ],
  [
    "a unique operation",
    ["CREATE UNIQUE INDEX one ON idempotency_record (operation)"],
    /^fatal, unique index on \(operation\) of idempotency_record/,
  ],
  [
    "a unique index on the beginning of a column",
    ['CREATE UNIQUE INDEX one ON idempotency_record ("key"(1), operation(9))'],
    /^fatal, table idempotency_record: Records with different keys, operations or scopes are taken for one/,
  ],
  [
    "a trigger that changes what is stored",
    [
      "CREATE TRIGGER trim BEFORE UPDATE ON idempotency_record FOR EACH ROW SET NEW.response = trim(NEW.response)",
    ],
    /^warning, trigger trim/,
    /^fatal, column response of idempotency_record: .*Compare its type, longtext/,
  ],
];

describe.runIf(onMariadb)("check() on MariaDB finds", () => {
  test.each(named(MARIADB))("%s", async (_, { sql, findings }) => {
    await using db = await openMariadb();
    for (const statement of sql) await db.query(statement);
    expect(await findingsOf(db)).toEqual(findings.map((finding) => expect.stringMatching(finding)));
  });

  test("what a server cuts without a word", async () => {
    await using db = await openMariadb();
    await db.query(
      alter("MODIFY fingerprint varchar(20) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL"),
    );
    const lenient = await db.connect({ pool: { sessionVariables: { sql_mode: "" } } });
    expect(await findingsOf(db, lenient)).toEqual([
      expect.stringMatching(/^fatal, column fingerprint of idempotency_record: .* comes back changed/),
    ]);
  });
});
