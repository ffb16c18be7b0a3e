/** Values that stand in the text of a message, because a message of several statements takes no parameters. */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { Client, type QueryResult } from "pg";
import { describe, expect, test } from "vitest";
import type { Codec } from "../../src/index.ts";
import { withLiterals } from "../../src/sql/literal.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { ddl } from "../support/ddl.ts";
import { idempotencyOf, request } from "../support/runs.ts";

const HOSTILE = [
  "'",
  "''; DROP TABLE idempotency_record; --",
  "\\'; COMMIT; --",
  "\\",
  "a\\\\'b",
  "\\u0027",
  "$1 $2 $$ $tag$",
  "/* -- ;",
  "ü€漢字😀",
  "漢\\'; DROP TABLE idempotency_record; --",
  "ソ\\'表\\",
  "\ud83d\ude00\\\u00e9'",
  "\u0001\u007f\u0080\uffff",
  "line\r\nbreak\ttab",
];

/** Where a byte after 0x7f may take a quote or a backslash with it. */
const ENCODINGS = ["UTF8", "SJIS", "GBK", "BIG5", "GB18030", "UHC", "LATIN1"];

describe.runIf(onPostgres)("a value as a literal", () => {
  test.each(["on", "off"])(
    "is the value, in every encoding, standard_conforming_strings %s",
    async (strings) => {
      await using db = await openPostgres();
      const client = new Client({ connectionString: db.url });
      await client.connect();
      try {
        await client.query(`SET standard_conforming_strings = ${strings}; SET escape_string_warning = off`);
        const stored = async (value: string) => {
          const text = "SELECT encode(convert_to($1::text, 'UTF8'), 'hex') AS hex";
          const statement = withLiterals({ text, values: [value] }, (one) => client.escapeLiteral(one));
          // Several statements, so that none is sent with parameters.
          const results = (await client.query(`${statement}; SELECT 1`)) as unknown as QueryResult[];
          const rows = results[0]?.rows as { hex: string }[] | undefined;
          return rows?.[0]?.hex;
        };
        for (const encoding of ENCODINGS) {
          await client.query(`SET client_encoding = '${encoding}'`);
          for (const value of HOSTILE) {
            expect([encoding, value, await stored(value)]).toEqual([
              encoding,
              value,
              Buffer.from(value).toString("hex"),
            ]);
          }
          const texts = fc.string({
            unit: fc.oneof(
              fc.constantFrom("'", "\\", "$", '"', ";", "é", "漢", "😀"),
              fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
            ),
            maxLength: 40,
          });
          await fc.assert(
            fc.asyncProperty(texts, async (value) => {
              fc.pre(!/\0|\p{Surrogate}/u.test(value));
              expect(await stored(value)).toBe(Buffer.from(value).toString("hex"));
            }),
            { numRuns: 50 },
          );
        }
      } finally {
        await client.end();
      }
    },
  );

  test("cannot be NUL, nor half of a pair", () => {
    for (const value of ["a\0b", "\ud800", "x\udc00y"]) {
      expect(withLiterals({ text: "SELECT $1", values: [value] }, (one) => `'${one}'`)).toBeUndefined();
    }
  });

  test("takes the place of its parameter alone", () => {
    const text = `SELECT "a$1", "b""$2", $2, $10, $1, $3`;
    const values = ["$2", 2, null, "4", "5", "6", "7", "8", "9", "ten"];
    expect(withLiterals({ text, values }, (one) => `'${one}'`)).toBe(
      `SELECT "a$1", "b""$2", '2', 'ten', '$2', NULL`,
    );
  });
});

const asItIs: Codec = { name: "as-it-is", encode: (value) => value as string, decode: (text) => text };

describe.runIf(onPostgres)("a run whose values are hostile", () => {
  test.each(["on", "off"])("stores and replays them, standard_conforming_strings %s", async (strings) => {
    await using db = await openPostgres({
      serverOptions: `-c TimeZone=UTC -c standard_conforming_strings=${strings}`,
    });
    const values = [...HOSTILE, "x'\\漢".repeat(174_000)];
    for (const [n, value] of values.entries()) {
      const named = {
        operation: `o${value.slice(0, 50)}`,
        scope: `s${value.slice(0, 50)}`,
        key: `k${n}`,
        input: value,
      };
      const first = await idempotencyOf(db.prisma, { codec: asItIs }).run(named, async () => value);
      const again = await idempotencyOf(db.prisma, { codec: asItIs }).run(named, async () => "another");
      expect([first.value === value, again.value === value, again.replayed]).toEqual([true, true, true]);
    }
    expect(await db.query("SELECT count(*)::int AS n FROM idempotency_record")).toEqual([
      { n: values.length },
    ]);
  });

  test.each(["SJIS", "GBK", "BIG5"])(
    "survives a handler that sets client_encoding to %s",
    async (encoding) => {
      await using db = await openPostgres();
      const value = "ソ\\'表\\; COMMIT; --é漢";
      const first = await idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
        await tx.$executeRawUnsafe(`SET LOCAL client_encoding = '${encoding}'`);
        return value;
      });
      const again = await idempotencyOf(db.prisma).run(request("k"), async () => "another");
      expect([first.value, again]).toEqual([value, { value, replayed: true }]);
    },
  );

  test.each(["shared", "one by one"] as const)(
    "keeps what a database of another encoding has, and refuses what it has not (%s)",
    async (messages) => {
      await using db = await openPostgres();
      await db.query(
        `CREATE DATABASE "${new URL(db.url).pathname.slice(1)}_latin1" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      );
      const url = new URL(db.url);
      url.pathname += "_latin1";
      const client = await db.connect({ url: url.href, messages });
      try {
        for (const statement of ddl("postgresql", "plain").split(/;\s*$/m)) {
          if (statement.trim() !== "") await client.$executeRawUnsafe(statement);
        }
        expect((await idempotencyOf(client).run(request("k"), async () => "ü")).value).toBe("ü");
        expect(await idempotencyOf(client).run(request("k"), async () => "")).toEqual({
          value: "ü",
          replayed: true,
        });
        await expect(idempotencyOf(client).run(request("l"), async () => "漢")).rejects.toMatchObject({
          code: "STORE_MISCONFIGURED",
        });
      } finally {
        await client.$disconnect();
        await db.query(`DROP DATABASE "${url.pathname.slice(1)}"`);
      }
    },
  );
});
