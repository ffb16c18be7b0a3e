import superjson from "superjson";
import { describe, expect, test } from "vitest";
import { transformerCodec, UnstorableValueError } from "../../src/core/contract/options/codec.ts";

const { encode, decode, name } = transformerCodec(superjson);

describe("transformerCodec(superjson)", () => {
  test("has a name of its own, so that devalue's text is never read as its", () => {
    expect(name).toBe("transformer");
  });

  test.each<[string, unknown]>([
    ["nested data", { a: [1, "b", null, { c: true }] }],
    ["undefined itself", undefined],
    ["null itself", null],
    ["undefined properties", { a: undefined, b: 1 }],
    [
      "Date, bigint, Map, Set, RegExp and URL",
      [new Date(5), 1n, new Map([[1, new Set(["a"])]]), /a/g, new URL("a:b")],
    ],
    ["minus zero and NaN", [-0, Number.NaN]],
    ["text with NUL and half an emoji", "\0\ud83d"],
    ["a property named then", { then: 1, getReader: "x" }],
    ["an object without prototype", { a: Object.assign(Object.create(null) as object, { b: 1 }) }],
  ])("brings back %s", (_what, value) => {
    expect(decode(encode(value))).toEqual(value);
  });

  test("brings back a shared reference as one and a cycle as a cycle", () => {
    const node: Record<string, unknown> = { name: "n" };
    node["self"] = node;
    const back = decode(encode({ a: node, b: node })) as { a: Record<string, unknown>; b: unknown };
    expect(back.a).toBe(back.b);
    expect(back.a["self"]).toBe(back.a);
  });

  test.each<[string, unknown, string]>([
    ["a promise", { later: Promise.resolve(1) }, ".later"],
    ["a promise in an array", [1, Promise.resolve(1)], "[1]"],
    ["a promise in a Map", { map: new Map([["k", Promise.resolve(1)]]) }, ".map"],
    ["a promise as the key of a Map", { map: new Map([[Promise.resolve(1), 1]]) }, ".map"],
    ["a promise in a Set", { set: new Set([Promise.resolve(1)]) }, ".set"],
    ["a stream", { body: new ReadableStream() }, ".body"],
    ["a Response", { response: new Response("x") }, ".response"],
    ["an async generator", { rows: (async function* () {})() }, ".rows"],
    ["a generator", { rows: (function* () {})() }, ".rows"],
    ["a function", { items: [{ f: () => 1 }] }, ".items[0].f"],
    ["a symbol", { s: Symbol("s") }, ".s"],
    ["a thenable without a prototype", Object.assign(Object.create(null) as object, { then() {} }), ""],
    ["a promise itself", Promise.resolve(1), ""],
  ])("refuses %s by its path", (_what, value, path) => {
    expect(() => encode(value)).toThrow(UnstorableValueError);
    expect(() => encode(value)).toThrow(expect.objectContaining({ path: expect.stringContaining(path) }));
  });

  test("does not walk endlessly through a cycle", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => decode(encode(cycle))).not.toThrow();
  });
});

describe("transformerCodec with no transformation (tRPC's default)", () => {
  const plain = transformerCodec({ serialize: (value) => value, deserialize: (value) => value });

  test.each<[string, unknown]>([
    ["undefined itself", undefined],
    ["an object", { a: [1] }],
    ["an empty text", ""],
    ["null", null],
  ])("brings back %s", (_what, value) => {
    expect(plain.decode(plain.encode(value))).toEqual(value);
  });

  test("refuses what JSON cannot write", () => {
    expect(() => plain.encode({ a: 1n })).toThrow();
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => plain.encode(cycle)).toThrow();
  });
});
