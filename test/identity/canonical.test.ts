import vm from "node:vm";
import { describe, expect, test } from "vitest";
import { canonical } from "../../src/core/request/canonical.ts";
import { Prisma } from "../support/generated/postgresql/client.ts";
import { growthOf, LINEAR } from "../support/growth.ts";

const cyclic = () => {
  const node: Record<string, unknown> = { name: "n" };
  node["self"] = node;
  return node;
};
const cyclicTwice = () => {
  const node: Record<string, unknown> = { name: "n" };
  node["self"] = { name: "n", self: node };
  return node;
};
const pooled = (text: string) => {
  const pool = Buffer.from(`left${text}right`);
  return pool.subarray(4, 4 + text.length);
};
const form = (...entries: [string, string | Blob][]) => {
  const data = new FormData();
  for (const [name, value] of entries) data.append(name, value);
  return data;
};
class Money {
  readonly amount: number;
  constructor(amount: number) {
    this.amount = amount;
  }
}
class Sealed {
  readonly #secret: number;
  constructor(secret: number) {
    this.#secret = secret;
  }
  reveal(): number {
    return this.#secret;
  }
}

describe("the canonical text is the same for", () => {
  test.each<[string, unknown, unknown]>([
    ["another order of keys", { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ["an absent and an undefined property", { a: 1 }, { a: 1, b: undefined }],
    ["a hole and an undefined element", [undefined, 1], Array.from({ length: 2, 1: 1 })],
    [
      "another order in a Map",
      new Map([
        ["a", 1],
        ["b", 2],
      ]),
      new Map([
        ["b", 2],
        ["a", 1],
      ]),
    ],
    ["another order in a Set", new Set([1, "1", true]), new Set([true, "1", 1])],
    ["a shared reference and two copies", sharing(), JSON.parse(JSON.stringify(sharing()))],
    ["two equal cycles", cyclic(), cyclic()],
    ["a Buffer and a Uint8Array", Buffer.from("ab"), new Uint8Array([97, 98])],
    ["a view into a larger buffer and a copy", pooled("ab"), Buffer.from("ab")],
    ["an object without prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    ["an object of another realm", vm.runInNewContext("({ a: [1] })"), { a: [1] }],
    ["another notation of a Decimal", new Prisma.Decimal("1.50"), new Prisma.Decimal("1.5")],
    ["two instances with the same fields", new Money(1), new Money(1)],
  ])("%s", async (_what, one, other) => {
    expect(await canonical(one)).toBe(await canonical(other));
  });
});

describe("the canonical text differs for", () => {
  test.each<[string, unknown, unknown]>([
    ["a number and its text", 1, "1"],
    ["a number and a bigint", 1, 1n],
    ["upper and lower case", "a", "A"],
    ["two Unicode forms of one letter", "\u00e9", "e\u0301"],
    ["two lone surrogates", "\ud800", "\udfff"],
    ["zero and minus zero", 0, -0],
    ["NaN and null", Number.NaN, null],
    ["null and undefined", null, undefined],
    ["null and 0", null, 0],
    ["null and an absent property", { a: null }, {}],
    ["true and its text", true, "true"],
    ["an empty array and an empty object", [], {}],
    ["an empty array and one of undefined", [], [undefined]],
    ["the order of an array", [1, 2], [2, 1]],
    ["the nesting of an array", [[1], 2], [[1, 2]]],
    ["an array and an object of its indices", ["a"], { 0: "a" }],
    ["a Map and an object", new Map([["a", 1]]), { a: 1 }],
    ["a Map and its entries", new Map([["a", 1]]), [["a", 1]]],
    ["a Map's keys and values", new Map([["a", "b"]]), new Map([["b", "a"]])],
    ["a Set and an array", new Set([1]), [1]],
    ["an empty Map and an empty Set", new Map(), new Set()],
    ["a Date and its text", new Date(0), new Date(0).toISOString()],
    ["a Date and its number", new Date(0), 0],
    ["two Dates a millisecond apart", new Date(0), new Date(1)],
    ["an invalid Date and null", new Date(Number.NaN), null],
    ["a cycle and one written out once more", cyclic(), cyclicTwice()],
    ["a cycle and its mark as text", cyclic(), { name: "n", self: "c0;" }],
    ["bytes and their text", Buffer.from("ab"), "ab"],
    ["bytes and their array", new Uint8Array([1]), [1]],
    ["two kinds of typed array", new Uint8Array([1, 0]), new Uint16Array([1])],
    ["a typed array and its ArrayBuffer", new Uint8Array([1]), new Uint8Array([1]).buffer],
    ["two shared buffers", shared(1), shared(2)],
    ["a Decimal and its text", new Prisma.Decimal("1.5"), "1.5"],
    [
      "two Decimals beyond double precision",
      new Prisma.Decimal("0.1"),
      new Prisma.Decimal("0.10000000000000000001"),
    ],
    ["two URLs", new URL("https://a.example/?a"), new URL("https://a.example/?b")],
    ["a URL and its text", new URL("https://a.example/"), "https://a.example/"],
    ["two regular expressions", /a/, /a/i],
    ["two search parameters", new URLSearchParams("a=1"), new URLSearchParams("a=2")],
    ["two headers", new Headers({ a: "1" }), new Headers({ a: "2" })],
    ["an instance's field", new Money(1), new Money(2)],
    ["an instance and a plain object", new Money(1), { amount: 1 }],
    ["two errors' messages", new Error("a"), new Error("b")],
    ["two boxed numbers", Object(1), Object(2)],
    ["a boxed number and a boxed bigint", Object(1), Object(1n)],
    ["an own __proto__ and none", JSON.parse('{"__proto__":{"admin":true}}'), {}],
    ["two own __proto__", JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":2}')],
    ["text that imitates the notation", { a: '"1:b' }, { a: "b" }],
    ["a key that runs into its value", { a: "b:c" }, { "a:b": "c" }],
  ])("%s", async (_what, one, other) => {
    const differ = async () => (await canonical(one)) !== (await canonical(other));
    // What cannot be told apart may be refused instead, never taken for the same.
    await expect(differ().catch(refused)).resolves.toBe(true);
  });
});

describe("an input that cannot be compared", () => {
  test.each<[string, unknown, string]>([
    ["a function", { a: [() => 1] }, "input.a[0] is a function"],
    ["a symbol", { a: Symbol("s") }, "input.a is a symbol"],
    ["a promise", { a: Promise.resolve(1) }, "input.a is a Promise"],
    ["a stream", { body: new ReadableStream() }, "input.body is a ReadableStream"],
    ["an async generator", (async function* () {})(), "input is a "],
    ["a generator", [(function* () {})()], "input[0] is a "],
    ["an instance that hides its state", { a: new Sealed(1) }, "input.a is a Sealed"],
    ["an error, whose message is hidden", Object.assign(new Error("a"), { code: 1 }), "input is a Error"],
    ["a WeakMap", new WeakMap(), "input is a WeakMap"],
    ["a thenable without a prototype", Object.assign(Object.create(null) as object, { then() {} }), "input"],
    ["a promise as the key of a Map", new Map([[Promise.resolve(1), 1]]), "input.key is a Promise"],
    ["a promise in a Set", new Set([Promise.resolve(1)]), "input is a Promise"],
  ])("is refused with its path: %s", async (_what, input, message) => {
    await expect(canonical(input)).rejects.toThrow(TypeError);
    await expect(canonical(input)).rejects.toThrow(message);
  });

  test("is not what merely has a property named like one: JSON comes from clients", async () => {
    const hostile = JSON.parse(
      '{"then":1,"getReader":true,"arrayBuffer":"x","size":1,"type":"t","toJSON":"j","constructor":null}',
    ) as object;
    expect(await canonical(hostile)).not.toBe(await canonical({ ...hostile, then: 2 }));
  });
});

describe("files", () => {
  const file = (content: string, name = "a.txt", type = "text/plain") => new File([content], name, { type });

  test("count by content, name and type", async () => {
    const texts = [
      file("x"),
      file("y"),
      file("x", "b.txt"),
      file("x", "a.txt", "text/html"),
      new Blob(["x"], { type: "text/plain" }),
    ].map((input) => canonical({ input }));
    expect(new Set(await Promise.all(texts)).size).toBe(5);
    expect(await canonical({ input: file("x") })).toBe(await texts[0]);
  });

  test("count whatever class a server gives them", async () => {
    class Upload {
      readonly name = "a.txt";
      readonly type = "text/plain";
      readonly size = 1;
      async arrayBuffer(): Promise<ArrayBuffer> {
        return new TextEncoder().encode("x").buffer as ArrayBuffer;
      }
    }
    expect(await canonical(new Upload())).toBe(await canonical(file("x")));
  });

  test("count in a form, with the names and the order of its fields", async () => {
    const texts = [
      form(["a", "1"], ["b", "2"]),
      form(["b", "2"], ["a", "1"]),
      form(["a", "1"]),
      form(["a", file("1")]),
      form(["a", file("2")]),
      form(["a", "1"], ["a", "1"]),
    ].map((input) => canonical(input));
    expect(new Set(await Promise.all(texts)).size).toBe(6);
    expect(await canonical(form(["a", file("2")]))).toBe(await texts[4]);
  });

  test("whose content cannot be read fail the run instead of comparing as equal", async () => {
    const broken = { name: "a", type: "", size: 1, arrayBuffer: () => Promise.reject(new Error("gone")) };
    await expect(canonical([broken])).rejects.toThrow("gone");
  });
});

describe("a hostile shape", () => {
  const nested = (depth: number) => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
    return value;
  };

  test("of 500 levels has a text of its own", async () => {
    expect(await canonical(nested(500))).not.toBe(await canonical(nested(502)));
  });

  test.each([10_000, 200_000])("of %d levels ends in a text or an error", async (depth) => {
    const end = await canonical(nested(depth)).catch((error: unknown) => error);
    expect(typeof end === "string" || end instanceof RangeError || end instanceof TypeError).toBe(true);
  });

  test("costs as much as it has levels, or less", async () => {
    const shapes = new Map([6_250, 200_000].map((depth) => [depth, nested(depth)]));
    const growth = growthOf((depth) => canonical(shapes.get(depth)).catch(() => {}), 6_250);
    expect(await growth).toBeLessThan(LINEAR);
  });

  test("costs as much as it has elements", async () => {
    const elements = (length: number) => Array.from({ length }, (_, id) => ({ id, name: `n${id}` }));
    const shapes = new Map([1_000, 32_000].map((length) => [length, elements(length)]));
    expect(await growthOf((length) => canonical(shapes.get(length)), 1_000)).toBeLessThan(LINEAR);
  });
});

function sharing() {
  const address = { city: "Bern" };
  return { from: address, to: address };
}

function shared(byte: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(1);
  new Uint8Array(buffer)[0] = byte;
  return buffer;
}

function refused(error: unknown): boolean {
  return error instanceof TypeError && error.message.includes("cannot be compared");
}

describe("an input made to exhaust the server", () => {
  const doubled = (times: number) => {
    let value: unknown = "x";
    for (let index = 0; index < times; index += 1) value = [value, value];
    return value;
  };

  test("may refer to one object again and again, and equals its copies", async () => {
    for (const times of [4, 10, 14]) {
      expect(await canonical(doubled(times))).toBe(
        await canonical(JSON.parse(JSON.stringify(doubled(times)))),
      );
    }
    expect((await canonical(doubled(500))).length).toBeLessThan(1_000);
  });

  test("may have 600 levels, wherever an object that it refers to again stands", async () => {
    const nested = (levels: number, inner: unknown = 1) => {
      let value = inner;
      for (let level = 0; level < levels; level += 1) value = [value];
      return value;
    };
    const deep = nested(500);
    expect(await canonical([deep, nested(99, deep)])).toBe(await canonical([nested(500), nested(599)]));
    await expect(canonical([deep, nested(100, deep)])).rejects.toThrow("deeper than 600 levels");
    await expect(canonical([nested(500), nested(600)])).rejects.toThrow("deeper than 600 levels");
  });

  test("is refused where cycles are referred to without bounds", async () => {
    const leaf: unknown[] = [];
    leaf.push(leaf);
    let value: unknown = leaf;
    for (let index = 0; index < 60; index += 1) value = [value, value];
    await expect(canonical(value)).rejects.toThrow(
      "made of cycles that are referred to more than 1000 times",
    );
  });

  test("counts names as much as values", async () => {
    const names = (count: number) => {
      const object: Record<string, unknown> = {};
      for (let index = 0; index < count; index += 1) object[`${index}`.padEnd(1_000, "n")] = index;
      return object;
    };
    await expect(canonical(names(7_000))).resolves.toMatch(/^#/);
    await expect(canonical(names(8_000))).rejects.toThrow("input is more than 8000000 characters");
  });

  test("is refused when it is nested too deep, with the remedy", async () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 601; depth += 1) value = { value };
    await expect(canonical(value)).rejects.toThrow("input is nested deeper than 600 levels; pass as `input`");
  });

  test("counts by its hash where it is one long text", async () => {
    const long = "a".repeat(20_000_000);
    expect((await canonical(long)).length).toBeLessThan(100);
    expect(await canonical(long)).not.toBe(await canonical(`${long.slice(1)}b`));
    expect(await canonical("a".repeat(1_025))).not.toBe(await canonical("a".repeat(1_024)));
  });
});
