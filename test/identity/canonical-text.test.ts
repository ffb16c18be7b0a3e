/**
 * The texts themselves, and where their bounds are. Records keep the fingerprints of these texts: with another one, retries that cross
 * a deployment would be refused.
 */
import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { canonical } from "../../src/core/request/canonical.ts";

const x = (length: number) => "x".repeat(length);
const wrapped = (value: unknown, levels: number): unknown => {
  let outer = value;
  for (let level = 0; level < levels; level += 1) outer = [outer];
  return outer;
};
class Fields {
  readonly b = 1;
  readonly a = 2;
}
class NoJson {
  readonly toJSON = 5;
}
class Price {
  toJSON() {
    return "1.50";
  }
}
const reader = { getReader: () => 1 };
// biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
const thenable = { then: () => 1 };
const iterable = { [Symbol.asyncIterator]: () => 1 };

describe("the text of", () => {
  test.each<[string, unknown, string]>([
    ["undefined", undefined, "u"],
    ["null", null, "0"],
    ["true", true, "t"],
    ["false", false, "f"],
    ["a number", 1.5, "n1.5;"],
    ["zero", 0, "n0;"],
    ["minus zero", -0, "n-0;"],
    ["a bigint", 10n, "i10;"],
    ["a string", "aä", '"2:aä'],
    ["a Date", new Date(7), "d7;"],
    ["a list with holes", [undefined, 1, undefined, undefined], "[un1;uu]"],
    ["an object, by its names", { b: 1, a: { c: undefined } }, '{"1:a{}"1:bn1;}'],
    ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), '{"1:an1;}'],
    ["an object of another realm", vm.runInNewContext("({ a: 1 })"), '{"1:an1;}'],
    [
      "a Map",
      new Map([
        ["b", 1],
        ["a", 2],
      ]),
      'M"1:an2;"1:bn1;]',
    ],
    ["a Set", new Set([2, 1]), "Sn1;n2;]"],
    ["a class, by its fields", new Fields(), 'o{"1:an2;"1:bn1;}'],
    ["what has a text of its own", new Price(), 'j"4:1.50'],
    ["what has only a field of that name", new NoJson(), 'o{"6:toJSONn5;}'],
    ["a RegExp", /a+/g, 's"5:/a+/g'],
    ["search parameters", new URLSearchParams("a=1"), 's"3:a=1'],
    ["bytes", new Uint8Array(), 'x"10:Uint8Array0:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
  ])("%s", async (_what, value, text) => {
    expect(await canonical(value)).toBe(text);
  });

  test("a long text is its hash, from 1,025 characters on", async () => {
    expect(await canonical(x(1_024))).toBe(`"1024:${x(1_024)}`);
    expect(await canonical(x(1_025))).toMatch(/^h1025:[\w+/]{43}=$/);
  });

  test("an object with a long text is its hash, from 1,025 characters on", async () => {
    expect(await canonical([x(1_016)])).toBe(`["1016:${x(1_016)}]`);
    expect(await canonical([x(1_017)])).toMatch(/^#[\w+/]{43}=$/);
  });
});

describe("a value of which nothing can be compared", () => {
  test.each<[string, object]>([
    ["a stream", Object.assign(Object.create(reader) as object, { a: 1 })],
    ["a thenable", Object.assign(Object.create(thenable) as object, { a: 1 })],
    ["an asynchronous iterable", Object.assign(Object.create(iterable) as object, { a: 1 })],
    ["an Error", Object.assign(new Error("x"), { a: 1 })],
  ])("%s is refused, though it has fields", async (_what, value) => {
    await expect(canonical({ value })).rejects.toMatchObject({
      reason: "not_comparable",
      message: expect.stringMatching(/^input\.value is a \w+, which cannot be compared/),
    });
  });

  test.each<[unknown, string]>([
    [() => 1, "function"],
    [Symbol("x"), "symbol"],
    [
      new (class Sealed {
        reveal() {}
      })(),
      "Sealed",
    ],
    [
      new (class {
        reveal() {}
      })(),
      "object",
    ],
    [new Headers({ a: "1" }), "Headers"],
  ])("%# is named", async (value, name) => {
    await expect(canonical(value)).rejects.toThrow(`input is a ${name}, which cannot be compared`);
  });
});

describe("the bound", () => {
  const tooLarge = {
    reason: "too_large",
    message: expect.stringContaining("more than 8000000 characters"),
  };

  test("of the size is 8,000,000 characters, of which each item of a list is one", async () => {
    await expect(canonical(Array(7_999_998))).resolves.toMatch(/^#/);
    await expect(canonical(Array(7_999_999))).rejects.toMatchObject(tooLarge);
    await expect(canonical([[], Array(7_999_995)])).rejects.toMatchObject(tooLarge);
  });

  test("of the size costs a list of four billion holes nothing", async () => {
    await expect(canonical(Array(2 ** 32 - 1))).rejects.toMatchObject(tooLarge);
  });

  test("of the size counts names and texts", async () => {
    const texts = (count: number) => Array.from({ length: count }, (_, n) => `${x(1_000)}${n % 10}`);
    await expect(canonical(texts(7_900))).resolves.toMatch(/^#/);
    await expect(canonical(texts(8_000))).rejects.toMatchObject(tooLarge);
  });

  test("of the levels counts those of what is referred to again", async () => {
    const shared = wrapped(1, 300);
    const holder = [shared];
    await expect(canonical([shared, holder, wrapped(holder, 298)])).resolves.toMatch(/^#/);
    await expect(canonical([shared, holder, wrapped(holder, 299)])).rejects.toMatchObject({
      reason: "too_deep",
      message: expect.stringContaining("nested deeper than 600 levels"),
    });
  });

  test("of references to a cycle is 1,000", async () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    await expect(canonical(Array.from({ length: 1_001 }, () => cycle))).resolves.toMatch(/^#/);
    await expect(canonical(Array.from({ length: 1_002 }, () => cycle))).rejects.toMatchObject({
      reason: "too_large",
      message: expect.stringContaining("cycles that are referred to more than 1000 times"),
    });
  });
});
