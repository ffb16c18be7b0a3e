import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseKeyHeader, parseKeyListHeader } from "../../src/core/adapter/key-header.ts";
import { isIdempotencyError, type KeyProblem } from "../../src/core/contract/errors/errors.ts";
import { checkKey } from "../../src/core/request/identity.ts";
import { keyHeaderVectors, keyListHeaderVectors } from "../../src/testing/index.ts";
import { growthOf, LINEAR } from "../support/growth.ts";

/** What a parser answers: the value, or why the header is refused. Any other error fails the test. */
function outcome<T>(parse: () => T): T | { refused: KeyProblem } {
  try {
    return parse();
  } catch (error) {
    if (isIdempotencyError(error) && error.code === "KEY_INVALID") {
      return { refused: error.details.reason };
    }
    throw error;
  }
}

const single = (header: string | null | undefined) => outcome(() => parseKeyHeader(header));
const list = (header: string | null | undefined, calls: number) =>
  outcome(() => parseKeyListHeader(header, calls));
const malformed = { refused: "malformed_header" };

describe("the header of one call", () => {
  test.each([null, undefined])("is absent: %s", (header) => {
    expect(single(header)).toBeUndefined();
  });

  test.each(keyHeaderVectors.map(({ what, header, ...rest }) => [what, header, rest] as const))(
    "is read or refused: %s",
    (_what, header, { key, problem }) => {
      expect(single(header)).toEqual(problem === undefined ? key : { refused: problem });
    },
  );

  test.each<[string, (count: number) => string]>([
    ["quotes", (count) => '"'.repeat(count)],
    ["parameters", (count) => `"a"${";v".repeat(count)},`],
    ["open brackets", (count) => "(".repeat(count)],
    ["bare booleans", (count) => "?0".repeat(count)],
    ["backslashes", (count) => `"${"\\".repeat(count + 1)}"`],
    ["blanks within", (count) => `a${" ".repeat(count)}b`],
  ])("refuses thousands of %s, with costs that grow as their number", async (_what, headerOf) => {
    expect(single(headerOf(10_000))).toEqual(malformed);
    expect(await growthOf((count) => single(headerOf(count)), 1_000)).toBeLessThan(LINEAR);
  });

  test("gives a usable key or KEY_INVALID for any string, and nothing else", () => {
    fc.assert(
      fc.property(headers, (header) => {
        const result = single(header);
        if (typeof result === "string") {
          expect(checkKey(result)).toBe(result);
        } else {
          expect(result).toEqual({ refused: expect.any(String) });
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("brings back every key that is quoted as RFC 8941 says", () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect(single(quoted(key))).toBe(key);
      }),
    );
  });

  test("never repeats the header in its message", () => {
    expect(() => parseKeyHeader('"secret-key')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });
});

describe("the header of a batch", () => {
  test("is absent without a value", () => {
    expect([list(null, 2), list(undefined, 2)]).toEqual([undefined, undefined]);
  });

  test.each(
    keyListHeaderVectors.map(({ what, header, calls, ...rest }) => [what, header, calls, rest] as const),
  )("is read or refused: %s", (_what, header, calls, { keys: read, problem }) => {
    expect(list(header, calls)).toEqual(problem === undefined ? read : { refused: problem });
  });

  test("checks every member as a key", () => {
    expect(list('"a", ""', 2)).toEqual({ refused: "empty" });
    expect(list(`"a", "${"k".repeat(256)}"`, 2)).toEqual({ refused: "too_long" });
    expect(list(`a, ${"k".repeat(256)}`, 2)).toEqual({ refused: "too_long" });
  });

  test("gives one usable key or gap per call or KEY_INVALID for any string, and nothing else", () => {
    fc.assert(
      fc.property(headers, fc.nat(3), (header, calls) => {
        const result = list(header, calls);
        if (!Array.isArray(result)) {
          expect(result).toEqual({ refused: expect.any(String) });
          return;
        }
        expect(result).toHaveLength(calls);
        for (const key of result) {
          expect(key === undefined || checkKey(key) === key).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("brings back every list of keys and gaps that is written as RFC 8941 says", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(keys, { nil: undefined }), { minLength: 1, maxLength: 8 }),
        (members) => {
          const header = members.map((key) => (key === undefined ? "?0" : quoted(key))).join(", ");
          expect(list(header, members.length)).toEqual(members);
        },
      ),
    );
  });
});

const keys = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 255 });
const quoted = (key: string) => `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
const headers = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'"\\,;=?01:()%@*a. \t\n'), maxLength: 20 }),
  keys.map(quoted),
);
