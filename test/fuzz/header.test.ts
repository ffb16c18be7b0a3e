/** Headers that nobody has thought of: what reads them gives a key or KEY_INVALID, through every reader alike. */
import fc from "fast-check";
import { parseList } from "structured-headers";
import { expect, test } from "vitest";
import { idempotencyKeyHeader } from "../../src/client/index.ts";
import { parseKeyHeader, parseKeyListHeader } from "../../src/core/adapter/key-header.ts";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { checkKey } from "../../src/core/request/identity.ts";
import { idempotencyKeyOf } from "../../src/http/index.ts";
import { keyOf } from "../../src/trpc/request/key.ts";
import { headerKeyOf, readKeyHeader } from "../../src/yoga/request/header-keys.ts";
import { fuzz, near } from "./fuzz.ts";

const PARTS = [
  ...'"\\,;=?01:()%@*a. \t\n\r\0\u00e9',
  '""',
  '\\"',
  "?0",
  ";q=1",
  '"a"',
  ", ",
  "a".repeat(250),
];
const KNOWN = [
  '"8e03978e-40d5"',
  "8e03978e-40d5",
  String.raw`"a\"b\\c"`,
  '"a", "b"',
  "a, ?0",
  '?0, "b";v=1;w="x"',
  ':YWJj:, ("a" "b")',
  "k".repeat(255),
];
const headers = fc.oneof(
  near(KNOWN, PARTS),
  fc.array(fc.constantFrom(...PARTS), { maxLength: 12 }).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 30 }),
);

/** The key, or why there is none. */
async function read(reader: () => unknown): Promise<unknown> {
  try {
    return await reader();
  } catch (error) {
    if (isIdempotencyError(error) && error.code === "KEY_INVALID") return { refused: error.details.reason };
    throw error;
  }
}

function throughTrpc(header: string, calls: number, batchIndex: number): Promise<unknown> {
  const getRawInput = async () => undefined;
  const info = {
    isBatchCall: calls > 1,
    calls: Array.from({ length: calls }, () => ({ path: "p", getRawInput })),
  };
  const call = { path: "p", batchIndex, getRawInput };
  return keyOf(undefined, call as never, { headers: { "Idempotency-Key": header }, info });
}

function throughYoga(header: string, calls: number, index: number): unknown {
  const request = { headers: { get: () => header } };
  const params = Array.from({ length: calls }, () => ({ extensions: {} }));
  readKeyHeader(request, calls === 1 ? params[0] : params);
  return headerKeyOf({ params: params[index], request });
}

test("any header of one call is read alike by every reader: a key, or refused", async () => {
  await fuzz(
    fc.asyncProperty(headers, async (header) => {
      const key = await read(() => parseKeyHeader(header));
      if (typeof key === "string") {
        expect(checkKey(key)).toBe(key);
        // No header has two readings: what the RFC reads as a string is that string here.
        const asRfc = await read(() => parseList(header)).catch(() => undefined);
        const [[member] = []] = (Array.isArray(asRfc) ? asRfc : []) as [unknown?][];
        if (typeof member === "string") expect(member).toBe(key);
        expect(parseKeyHeader(idempotencyKeyHeader(key)["Idempotency-Key"])).toBe(key);
      }
      expect(await read(() => idempotencyKeyOf(header, "o"))).toEqual(key);
      expect(await read(() => throughTrpc(header, 1, 0))).toEqual(key);
      expect(await read(() => throughYoga(header, 1, 0))).toEqual(key);
    }),
  );
});

test("any header of a batch gives each call its own member, or refuses all of it", async () => {
  await fuzz(
    fc.asyncProperty(headers, fc.integer({ min: 2, max: 4 }), async (header, calls) => {
      const keys = await read(() => parseKeyListHeader(header, calls));
      for (let index = 0; index < calls; index += 1) {
        const key = Array.isArray(keys) ? (keys[index] as unknown) : keys;
        expect(await read(() => throughTrpc(header, calls, index))).toEqual(key);
        const inYoga = await read(() => throughYoga(header, calls, index)).catch((error: Error) => error);
        expect(
          (inYoga as { name?: unknown } | undefined)?.name === "GraphQLError" ? "refused" : inYoga,
        ).toEqual(Array.isArray(keys) ? key : "refused");
      }
    }),
  );
});
