/** What is printed of stored values and of times: nothing is lost, and nothing acts on a terminal. */
import { Decimal } from "decimal.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columns, shown, shownLines } from "../../src/cli/terminal/text.ts";
import { duration, pointInTime, relative, toSecond } from "../../src/cli/terminal/times.ts";
import { asJson, asText, jsonText } from "../../src/cli/terminal/values.ts";
import { devalueCodec } from "../../src/index.ts";

class Point {
  x = 1;
}

const circle: { name: string; self?: unknown; list?: unknown[] } = { name: "c" };
circle.self = circle;
circle.list = [circle];
const shared = { a: 1 };
const sparse: unknown[] = [];
sparse[3] = "x";

const values: [title: string, value: unknown, json: unknown, text: string][] = [
  [
    "JSON as it is",
    { a: [1, "b", null, true] },
    { a: [1, "b", null, true] },
    "{ a: [ 1, 'b', null, true ] }",
  ],
  ["undefined", { a: undefined }, { a: { $type: "undefined" } }, "{ a: undefined }"],
  ["NaN", Number.NaN, { $type: "number", value: "NaN" }, "NaN"],
  ["infinity", -1 / 0, { $type: "number", value: "-Infinity" }, "-Infinity"],
  ["-0", -0, { $type: "number", value: "-0" }, "-0"],
  ["a bigint", 2n ** 70n, { $type: "bigint", value: String(2n ** 70n) }, `${2n ** 70n}n`],
  ["a Date", new Date(0), { $type: "Date", value: "1970-01-01T00:00:00.000Z" }, "1970-01-01T00:00:00.000Z"],
  ["a Date that is none", new Date(Number.NaN), { $type: "Date", value: "Invalid Date" }, "Invalid Date"],
  [
    "a Map",
    new Map([[{ a: 1 }, 2n]]),
    { $type: "Map", value: [[{ a: 1 }, { $type: "bigint", value: "2" }]] },
    "Map [ [ { a: 1 }, 2n ] ]",
  ],
  ["a Set", new Set(["a"]), { $type: "Set", value: ["a"] }, "Set [ 'a' ]"],
  ["a Decimal", new Decimal("-0.10"), { $type: "Decimal", value: "-0.1" }, "Decimal(-0.1)"],
  ["a RegExp", /a"b/g, { $type: "RegExp", value: '/a"b/g' }, 'RegExp(/a"b/g)'],
  ["an URL", new URL("http://a/b"), { $type: "URL", value: "http://a/b" }, "URL(http://a/b)"],
  ["bytes", Uint8Array.of(1, 255), { $type: "Uint8Array", value: "Af8=" }, "Uint8Array(Af8=)"],
  ["a buffer", Uint8Array.of(1, 255).buffer, { $type: "ArrayBuffer", value: "Af8=" }, "ArrayBuffer(Af8=)"],
  [
    "other numbers",
    Float64Array.of(0.5, Number.NaN),
    { $type: "Float64Array", value: [0.5, { $type: "number", value: "NaN" }] },
    "Float64Array [ 0.5, NaN ]",
  ],
  ["a boxed number", Object(1), { $type: "Number", value: 1 }, "Number(1)"],
  ["holes", sparse, { $type: "Array", value: { "3": "x", length: 4 } }, "Array { '3': 'x', length: 4 }"],
  ["a class of others", new Point(), { $type: "Point", value: { x: 1 } }, "Point { x: 1 }"],
  [
    "an error",
    Object.assign(new TypeError("no", { cause: new Error("why") }), { code: 7 }),
    {
      $type: "Error",
      value: {
        name: "TypeError",
        message: "no",
        cause: { $type: "Error", value: { name: "Error", message: "why" } },
        code: 7,
      },
    },
    "Error {\n  name: 'TypeError',\n  message: 'no',\n  cause: Error { name: 'Error', message: 'why' },\n  code: 7\n}",
  ],
  [
    "circles",
    circle,
    { name: "c", self: { $type: "Reference", value: "$" }, list: [{ $type: "Reference", value: "$" }] },
    "{ name: 'c', self: Reference($), list: [ Reference($) ] }",
  ],
  [
    "an object that occurs again, below a Map",
    { m: new Map([["k", shared]]), again: shared },
    {
      m: { $type: "Map", value: [["k", { a: 1 }]] },
      again: { $type: "Reference", value: "$.m.value[0][1]" },
    },
    "{ m: Map [ [ 'k', { a: 1 } ] ], again: Reference($.m.value[0][1]) }",
  ],
  [
    "an object that looks like a tag",
    { $type: "Date", value: 1 },
    { $type: "Object", value: { $type: "Date", value: 1 } },
    "Object { '$type': 'Date', value: 1 }",
  ],
  [
    "__proto__",
    JSON.parse('{"__proto__":{"a":1}}'),
    JSON.parse('{"__proto__":{"a":1}}'),
    "{ ['__proto__']: { a: 1 } }",
  ],
];

describe("a stored value", () => {
  it.each(values)("is printed with all that it says: %s", (_, value, json, text) => {
    expect(JSON.parse(jsonText(asJson(value)))).toEqual(json);
    expect(asText(value)).toBe(text);
  });

  it("of the codec is told from any other by its JSON", () => {
    const anything = fc.anything({
      // The codec refuses this name: test/replay/codec.test.ts.
      key: fc.string().filter((key) => key !== "__proto__"),
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    const stored = (value: unknown) => devalueCodec.decode(devalueCodec.encode(value));
    const json = (value: unknown) => jsonText(asJson(stored(value)));
    const text = (value: unknown) => devalueCodec.encode(stored(value));
    fc.assert(
      fc.property(anything, anything, (a, b) => {
        expect(json(a)).toBe(json(a));
        expect(json(a) === json(b)).toBe(text(a) === text(b));
      }),
    );
  });

  it("acts on no terminal", () => {
    const evil = {
      "\u001b[2J\u202e": "\u009b2J\u2066\u001b",
      m: new Map([["\u0007\u202e", Symbol.iterator.description]]),
    };
    for (const printed of [jsonText(asJson(evil)), asText(evil)]) {
      // oxlint-disable-next-line no-control-regex
      expect(printed).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2066]/);
    }
  });

  it("is bounded, though each of its objects occurs twice in another", () => {
    let twice: unknown = { end: 1 };
    for (let level = 0; level < 60; level += 1) twice = [twice, twice];
    expect(asText(twice).length + jsonText(asJson(twice)).length).toBeLessThan(50_000);
  });

  it("says where it has more levels than can be printed", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 2_000; level += 1) deep = [deep];
    expect(jsonText(asJson(deep))).toContain("more than 500 levels");
    expect(asText(deep)).toContain("Omitted(more than 500 levels)");
  });
});

describe("times", () => {
  const now = new Date("2026-11-30T12:00:00.500Z");

  it.each([
    ["90s", "2026-11-30T11:58:30.500Z"],
    ["1.5h", "2026-11-30T10:30:00.500Z"],
    ["7d", "2026-11-23T12:00:00.500Z"],
    ["2w", "2026-11-16T12:00:00.500Z"],
    ["2026-11-30", "2026-11-30T00:00:00.000Z"],
    ["2026-11-30T10:00", "2026-11-30T10:00:00.000Z"],
    ["2026-11-30 10:00:01.5", "2026-11-30T10:00:01.500Z"],
    ["2026-11-30T10:00+02:00", "2026-11-30T08:00:00.000Z"],
  ])("%s is %s", (text, time) => {
    expect(pointInTime(text, now)?.toISOString()).toBe(time);
  });

  it.each(["", "2", "h", "2 hours", "-2h", "tomorrow", "2026-13-01", "2026-11-30T25:00", "9999999999999d"])(
    "%j is none",
    (text) => {
      expect(pointInTime(text, now)).toBeUndefined();
    },
  );

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [61_000, "1 min 1 s"],
    [3_600_000, "1 h"],
    [86_400_000 + 3_600_000 * 5 + 60_000, "1 d 5 h"],
  ])("%s ms is %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it("is in the future or in the past", () => {
    expect(relative(new Date(now.getTime() + 60_000), now)).toBe("(in 1 min)");
    expect(relative(new Date(now.getTime() - 60_000), now)).toBe("(1 min ago)");
    expect(toSecond(now)).toBe("2026-11-30T12:00:00Z");
  });
});

describe("texts", () => {
  it("have their controls as numbers", () => {
    expect(shown("a\n\u001b\u202e\ud800é😀")).toBe("a\\u000a\\u001b\\u202e\\ud800é😀");
    expect(shownLines("a\tb\r\nc")).toEqual(["a  b\\u000d", "c"]);
  });

  it("stand in columns", () => {
    const rows = [
      [{ text: "a" }, { text: "1", align: "right" as const }],
      [{ text: "long" }, { text: "100", align: "right" as const }],
    ];
    expect(columns(rows)).toEqual(["a       1", "long  100"]);
  });
});
