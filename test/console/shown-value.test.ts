/** Values as text. */
import { Decimal } from "decimal.js";
import { describe, expect, it, test } from "vitest";
import { shownValue } from "../../src/console/values/shown-value.ts";
import { visibleParts } from "../../src/console/values/visible.ts";

const shown = (value: unknown, charactersMax = 10_000) => shownValue(value, { charactersMax });
const cycle: Record<string, unknown> = { a: 1 };
cycle["self"] = cycle;
const shared = { n: 1 };
const sparse = [1];
sparse[2] = 3;
test.each([
  ["text", '"text"'],
  ['a "b" \\ \n\t', String.raw`"a \"b\" \\ \n\t"`],
  [-0, "-0"],
  [Number.NaN, "NaN"],
  [2n ** 64n, "18446744073709551616n"],
  [undefined, "undefined"],
  [null, "null"],
  [true, "true"],
  [Symbol("s\u202e"), String.raw`Symbol(s\u202e)`],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  [new Date(Number.NaN), "Invalid Date"],
  [/a"b/g, String.raw`RegExp "/a\"b/g"`],
  [new URL("https://a.example/?q=<b>"), 'URL "https://a.example/?q=%3Cb%3E"'],
  [new Decimal("-0.10"), "Decimal -0.1"],
  [[], "[]"],
  [{}, "{}"],
  [[1, "two", [3]], '[1, "two", [3]]'],
  [sparse, "[1, <empty>, 3]"],
  [{ a: 1, "b c": 2, "\u202e": 3 }, String.raw`{ a: 1, "b c": 2, "\u202e": 3 }`],
  [JSON.parse('{"__proto__":{"admin":true}}'), "{ __proto__: { admin: true } }"],
  [Object.assign(Object.create(null) as object, { a: 1 }), "{ a: 1 }"],
  [new Map<unknown, unknown>([[{ k: 1 }, new Set(["v"])]]), 'Map(1) { { k: 1 } => Set(1) { "v" } }'],
  [cycle, "{ a: 1, self: [Circular] }"],
  [[shared, shared], "[{ n: 1 }, { n: 1 }]"],
  [
    new (class Money {
      cents = 5;
    })(),
    "Money { cents: 5 }",
  ],
  [Object.assign(new TypeError("no"), { code: 7 }), 'TypeError { message: "no", code: 7 }'],
  [new Uint8Array(Buffer.from('{"id":1}')), String.raw`Uint8Array(8) "{\"id\":1}"`],
  [Buffer.from([0xff, 0x00, 0x10]), "Buffer(3) ff 00 10"],
  [new Float64Array(1), String.raw`Float64Array(8) "\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"`],
])("each kind of value is shown: %#", (value, text) => {
  expect(shown(value)).toEqual({ text, isCut: false });
});

it("is not asked for what it does not hold: no getter is called", () => {
  const hiding = Object.defineProperty({}, "secret", { enumerable: true, get: () => expect.fail("called") });
  expect(shown(hiding).text).toBe("{ secret: [Getter] }");
});

it("may fail at being looked at", () => {
  const failing = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("a trap");
      },
    },
  );
  expect(shown({ failing, after: 1 }).text).toBe("{ failing: [cannot be shown], after: 1 }");
});

it("is on several lines if it is long", () => {
  const items = [
    { sku: "BK-2041", title: "The Art of Doing It Once", quantity: 1 },
    { sku: "LT-7", title: "Lamp" },
  ];
  expect(shown({ items, total: 2 }).text).toBe(`{
  items: [
    { sku: "BK-2041", title: "The Art of Doing It Once", quantity: 1 },
    { sku: "LT-7", title: "Lamp" }
  ],
  total: 2
}`);
});

describe("what cannot be seen", () => {
  it("is written as an escape, and what can be seen is not", () => {
    const text = "a\u0000b\u202ec\u200bd\ud800e\udc00f\u0085g\u2028h\u{e0041}i\ufeffj\u3164k";
    expect(shown(text).text).toBe(
      String.raw`"a\u0000b\u202ec\u200bd\ud800e\udc00f\u0085g\u2028h\u{e0041}i\ufeffj\u3164k"`,
    );
    const fine = "ünï 中文 עברית 👍🏽 ❤\ufe0f é e\u0301 ‰ $";
    expect(shown(fine).text).toBe(`"${fine}"`);
    expect(visibleParts(fine)).toEqual([{ text: fine, isEscape: false }]);
  });

  it("is a part of its own, so that nobody takes the escape for the text", () => {
    expect(visibleParts(String.raw`\u202e` + "\u202ex\n", "\n")).toEqual([
      { text: String.raw`\u202e`, isEscape: false },
      { text: String.raw`\u202e`, isEscape: true },
      { text: "x\n", isEscape: false },
    ]);
  });
});

describe("a value that is too large", () => {
  it.each([
    ["a text", "x".repeat(2_000_000)],
    ["texts in a list", Array.from({ length: 2_000 }, () => "x".repeat(1_000))],
    ["a list", Array.from({ length: 500_000 }, (_, n) => n)],
    ["an object", Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`name ${n}`, n]))],
    ["a map", new Map(Array.from({ length: 100_000 }, (_, n) => [n, n]))],
    ["a set", new Set(Array.from({ length: 100_000 }, (_, n) => n))],
    ["bytes", new Uint8Array(2_000_000).fill(0xff)],
    ["something deep", Array.from({ length: 5_000 }).reduce((inner) => [inner], 1 as unknown)],
    // Ten to the power of thirty items, if each were written where it occurs.
    [
      "a part that occurs often",
      Array.from({ length: 30 }).reduce((inner) => Array(10).fill(inner), 1 as unknown),
    ],
    ["names", { ["n".repeat(1_000_000)]: 1, b: 2 }],
    [
      "a class of a long name",
      new (Object.defineProperty(
        class {
          n = 1;
        },
        "name",
        { value: "N".repeat(1_000_000) },
      ))(),
    ],
  ])("such as %s is cut, and says so", (_what, value) => {
    const { text, isCut } = shown(value, 20_000);
    expect(isCut).toBe(true);
    expect(text).toContain("…");
    // Indentation is not counted, and neither is what is left out.
    expect(text.length).toBeLessThan(80_000);
  });

  it("leaves room for what comes after one of its parts", () => {
    const { text } = shown({ long: "x".repeat(1_000_000), state: "placed" });
    expect(text).toContain("996,000 more characters");
    expect(text).toContain('state: "placed"');
  });
});
