import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { checkKey, derivedKey, type Identity, recordId } from "../../src/core/request/identity.ts";

/** What `checkKey` says about a key: the key itself, or why it is refused. */
function verdict(key: unknown): unknown {
  try {
    return checkKey(key);
  } catch (error) {
    if (isIdempotencyError(error) && error.code === "KEY_INVALID") {
      return { refused: error.details.reason };
    }
    throw error;
  }
}

describe("checkKey", () => {
  test.each([
    ["one character", "a"],
    ["a space only", " "],
    ["255 characters", "k".repeat(255)],
    ["every printable ASCII character", String.fromCharCode(...Array.from({ length: 95 }, (_, i) => 32 + i))],
    ["quotes and backslashes", `"'\`\\`],
    ["the name of the prototype", "__proto__"],
    ["SQL", "'; DROP TABLE idempotency_record; --"],
  ])("accepts %s unchanged", (_what, key) => {
    expect(verdict(key)).toBe(key);
  });

  test.each([
    ["nothing between the quotes", "", "empty"],
    ["256 characters", "k".repeat(256), "too_long"],
    ["a NUL", "a\0b", "not_printable_ascii"],
    ["a tab", "a\tb", "not_printable_ascii"],
    ["a line feed in the middle", "a\nb", "not_printable_ascii"],
    ["a line feed at the end", "a\n", "not_printable_ascii"],
    ["DEL", "a\x7f", "not_printable_ascii"],
    ["an accent", "é", "not_printable_ascii"],
    ["an emoji", "🔑", "not_printable_ascii"],
    ["half an emoji", "\ud83d", "not_printable_ascii"],
    ["a no-break space", "a\u00a0b", "not_printable_ascii"],
  ])("refuses %s", (_what, key, reason) => {
    expect(verdict(key)).toEqual({ refused: reason });
  });

  test.each([undefined, null, 0, 1n, true, ["a"], { toString: () => "a" }, Symbol("a"), () => "a"])(
    "refuses a non-string: %o",
    (key) => {
      expect(verdict(key)).toEqual({ refused: "not_a_string" });
    },
  );

  test("refuses a String object, whose text could change", () => {
    expect(verdict(Object("a"))).toEqual({ refused: "not_a_string" });
  });

  test("never repeats the key in its message", () => {
    const secret = `secret-${"x".repeat(300)}`;
    expect(() => checkKey(secret)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  test("accepts exactly the strings of 1 to 255 printable ASCII characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (key) => {
        const usable = key.length >= 1 && key.length <= 255 && [...key].every((c) => c >= " " && c <= "~");
        expect(typeof verdict(key) === "string").toBe(usable);
      }),
    );
  });
});

// Few characters and short parts, so that parts often equal each other or their neighbours' ends.
const part = fc.oneof(
  fc.string({ unit: fc.constantFrom("1", "2", ":", "a", '"', ",", "\0", "\ud83d", "\ude00"), maxLength: 4 }),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom("__proto__", "1:a", "record", "derived"),
);
const identity: fc.Arbitrary<Identity> = fc.record({ scope: part, operation: part, key: part });
const partsOf = ({ scope, operation, key }: Identity) => [scope, operation, key];

describe("recordId", () => {
  test("is 43 characters of base64url, whatever the identity", () => {
    fc.assert(
      fc.property(identity, (one) => {
        expect(recordId(one)).toMatch(/^[\w-]{43}$/);
      }),
    );
  });

  test("differs for any two different identities", () => {
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const same = JSON.stringify(partsOf(one)) === JSON.stringify(partsOf(other));
        expect(recordId(one) === recordId(other)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test("differs when the same text is cut into parts elsewhere", () => {
    const cuts = fc.tuple(fc.nat(12), fc.nat(12)).map((pair) => pair.toSorted((a, b) => a - b));
    const joined = fc.string({
      unit: fc.constantFrom("1", "2", ":", "a", "\0"),
      minLength: 1,
      maxLength: 12,
    });
    const cut = (text: string, [first = 0, second = 0]: number[]): Identity => ({
      scope: text.slice(0, first),
      operation: text.slice(first, second),
      key: text.slice(second),
    });
    fc.assert(
      fc.property(joined, cuts, cuts, (text, one, other) => {
        const [first, second] = [cut(text, one), cut(text, other)];
        const same = JSON.stringify(partsOf(first)) === JSON.stringify(partsOf(second));
        expect(recordId(first) === recordId(second)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test("differs when two parts change places", () => {
    const ids = [
      { scope: "a", operation: "b", key: "c" },
      { scope: "b", operation: "a", key: "c" },
      { scope: "a", operation: "c", key: "b" },
      { scope: "c", operation: "b", key: "a" },
    ].map(recordId);
    expect(new Set(ids).size).toBe(4);
  });

  test("tells two lone surrogates apart, which UTF-8 would write alike", () => {
    const of = (scope: string) => recordId({ scope, operation: "o", key: "k" });
    expect(of("\ud800")).not.toBe(of("\udfff"));
    expect(of("\ud800")).not.toBe(of("\ufffd"));
  });

  test("is the same in every release, or stored records would be lost", () => {
    expect(recordId({ scope: "user-1", operation: "orders.place", key: "8e03978e" })).toBe(
      "4faGpgTSU4wz_ferSX9cj11BWozdYf9QqmkJior_Dys",
    );
  });
});

describe("derivedKey", () => {
  test("is stable and differs by name and by record", () => {
    expect(derivedKey("id", "charge")).toBe(derivedKey("id", "charge"));
    const keys = [derivedKey("id", "charge"), derivedKey("id", "refund"), derivedKey("other", "charge")];
    expect(new Set([...keys, derivedKey("idc", "harge"), derivedKey("i", "dcharge")]).size).toBe(5);
  });

  test("is a usable key downstream, even for an empty name", () => {
    expect(checkKey(derivedKey("id", ""))).toMatch(/^[\w-]{43}$/);
  });

  test("is never the id of a record", () => {
    fc.assert(
      fc.property(identity, part, part, (one, id, name) => {
        expect(derivedKey(id, name)).not.toBe(recordId(one));
      }),
    );
  });
});
