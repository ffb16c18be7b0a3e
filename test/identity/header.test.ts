import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseKeyHeader, parseKeyListHeader } from "../../src/core/adapter/key-header.ts";
import { isIdempotencyError, type KeyProblem } from "../../src/core/contract/errors.ts";
import { checkKey } from "../../src/core/request/identity.ts";
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
const UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324";

describe("the header of one call", () => {
  test.each([null, undefined])("is absent: %s", (header) => {
    expect(single(header)).toBeUndefined();
  });

  test.each([
    ["a quoted key", `"${UUID}"`, UUID],
    ["a bare key", UUID, UUID],
    ["a bare number", "42", "42"],
    ["a bare token", "order_7/a", "order_7/a"],
    ["blanks around a bare key", `  ${UUID}\t`, UUID],
    ["blanks around a quoted key", ` "${UUID}" `, UUID],
    ["an escaped quote", String.raw`"a\"b"`, 'a"b'],
    ["an escaped backslash", String.raw`"a\\b"`, String.raw`a\b`],
    ["a comma inside quotes", '"a, b"', "a, b"],
    ["blanks inside quotes", '" a "', " a "],
    ["a quoted boolean", '"?0"', "?0"],
    ["parameters, which the RFC says to ignore", '"a";v=1;w', "a"],
    ["255 quoted characters", `"${"k".repeat(255)}"`, "k".repeat(255)],
  ])("reads %s", (_what, header, key) => {
    expect(single(header)).toBe(key);
  });

  test.each([
    ["two headers merged into one", "a, b"],
    ["two bare keys and no blank", "a,b"],
    ["two quoted headers merged into one", '"a", "b"'],
    ["a comma at the end", '"a",'],
    ["an unclosed quote", '"a'],
    ["a quote at the end only", 'a"'],
    ["text after the quoted key", '"a"b'],
    ["a bad escape", String.raw`"a\nb"`],
    ["single quotes around blanks", "'a b'"],
    ["bare words", "a b"],
    ["false", "?0"],
    ["true", "?1"],
    ["a byte sequence", ":YWJj:"],
    ["an inner list", '("a" "b")'],
    ["an inner list of one token", "(a)"],
    ["an inner list with nothing in it", "()"],
    ["a bare key with a parameter", "a;v=1"],
    ["a bare parameter", ";v=1"],
    ["a control character in quotes", '"a\u0001b"'],
    ["a line feed in quotes", '"a\nb"'],
    ["an emoji", "🔑"],
    ["an emoji in quotes", '"🔑"'],
    ["a display string", '%"a"'],
  ])("refuses %s", (_what, header) => {
    expect(single(header)).toEqual(malformed);
  });

  test.each([
    ["nothing", ""],
    ["blanks only", "  \t"],
    ["empty quotes", '""'],
  ])("refuses %s as empty", (_what, header) => {
    expect(single(header)).toEqual({ refused: "empty" });
  });

  test.each([
    ["256 bare characters", "k".repeat(256)],
    ["10,000 bare characters", "k".repeat(10_000)],
    ["10,000 quoted characters", `"${"k".repeat(10_000)}"`],
    ["10,000 escaped quotes", `"${String.raw`\"`.repeat(10_000)}"`],
  ])("refuses %s as too long", (_what, header) => {
    expect(single(header)).toEqual({ refused: "too_long" });
  });

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

  test.each([
    ["quoted keys", '"a", "b"', ["a", "b"]],
    ["bare keys", "a,b", ["a", "b"]],
    ["no key for the first call", '?0, "b"', [undefined, "b"]],
    ["no key for the second of bare ones", "a, ?0", ["a", undefined]],
    ["no key at all", "?0,?0", [undefined, undefined]],
    ["a quoted ?0, which is a key", '"?0", ?0', ["?0", undefined]],
    ["commas and quotes inside quotes", String.raw`"a, b", "c\"d"`, ["a, b", 'c"d']],
    ["parameters", '"a";v=1, "b"', ["a", "b"]],
    ["two headers merged into one", '"a" ,\t"b"', ["a", "b"]],
    ["the same key twice", '"a", "a"', ["a", "a"]],
  ])("reads %s", (_what, header, members) => {
    expect(list(header, 2)).toEqual(members);
  });

  test.each([
    ["too few", '"a"', 2],
    ["too many", '"a", "b", "c"', 2],
    ["none", "", 1],
    ["10,000", Array.from({ length: 10_000 }, () => '"a"').join(","), 2],
  ])("refuses another number of members than calls: %s", (_what, header, calls) => {
    expect(list(header, calls)).toEqual({ refused: "count_mismatch" });
  });

  test.each([
    ["true", '?1, "b"'],
    ["true among bare keys", "?1, b"],
    ["an inner list", '("a"), "b"'],
    ["an inner list of tokens", "(a), b"],
    ["a byte sequence", ':YWJj:, "b"'],
    ["a byte sequence among bare keys", ":YWJj:, b"],
    ["a number beside a quoted key", '1, "b"'],
    ["an empty member", '"a", , "b"'],
    ["a comma at the end", '"a", "b",'],
    ["a bare key with blanks", "a b, c"],
  ])("refuses %s as a member", (_what, header) => {
    expect(list(header, 2)).toEqual(malformed);
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
