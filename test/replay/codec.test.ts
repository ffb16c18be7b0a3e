import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { devalueCodec, UnstorableValueError } from "../../src/core/contract/options/codec.ts";
import { Prisma } from "../support/generated/postgresql/client.ts";

const { encode, decode } = devalueCodec;
const roundTrip = (value: unknown) => decode(encode(value));

describe("a value comes back equal", () => {
  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["minus zero", -0],
    ["NaN and the infinities", [Number.NaN, Infinity, -Infinity]],
    ["text with NUL, quotes, separators and half an emoji", '\0"\\\u2028\ud83d </script>'],
    ["a bigint beyond 64 bits", 2n ** 70n],
    ["a Date", new Date(1_234)],
    ["an invalid Date", new Date(Number.NaN)],
    ["a Date before the era", new Date(-62_198_755_200_000)],
    [
      "a Map with keys of several types",
      new Map<unknown, unknown>([
        [1, "a"],
        ["1", "b"],
        [{ k: 1 }, new Set([1n])],
      ]),
    ],
    ["a Set", new Set([1, "1", undefined])],
    ["a regular expression", /a\/b/giu],
    ["a URL", new URL("https://a.example/?q=1#f")],
    ["search parameters", new URLSearchParams("a=1&a=2")],
    ["undefined properties", { a: undefined, b: null }],
    ["an object without prototype", Object.assign(Object.create(null) as object, { a: 1 })],
    ["an ArrayBuffer", new Uint8Array([1, 2]).buffer],
    ["a property named like the mark of a type", { Decimal: "1", View: [1], type: "Date" }],
    [
      "an array that looks like the mark of a type",
      [
        ["Decimal", "1"],
        ["Date", "x"],
        ["View", 0],
      ],
    ],
    ["a property with the tag of a Decimal", { toStringTag: "[object Decimal]" }],
    ["a property named then", { then: "later" }],
  ])("%s", (_what, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
  });

  test("an array with holes, the holes being holes again", () => {
    const holes: number[] = [];
    holes[1] = 7;
    holes.length = 3;
    const back = roundTrip(holes);
    expect(Object.keys(back as object)).toEqual(["1"]);
    expect(back).toHaveLength(3);
  });

  test("one very long array with a single element, in little text", () => {
    const sparse: number[] = [];
    sparse[1_000_000] = 1;
    expect(encode(sparse).length).toBeLessThan(100);
    expect(roundTrip(sparse)).toHaveLength(1_000_001);
  });

  test("repeated references, still being one", () => {
    const address = { city: "Bern" };
    const back = roundTrip({ from: address, to: address }) as { from: object; to: object };
    expect(back.from).toBe(back.to);
    expect(back.from).not.toBe(address);
  });

  test("a cycle", () => {
    const node: { name: string; next?: unknown } = { name: "n" };
    node.next = node;
    const back = roundTrip(node) as typeof node;
    expect(back.next).toBe(back);
    expect(back.name).toBe("n");
  });

  test("an object with Node's symbol for printing, without it: rows with computed fields have one", () => {
    const row: Record<string | symbol, unknown> = { item: "book", [inspect.custom]: () => "printed" };
    row["self"] = row;
    const back = roundTrip([row, row]) as Record<string, unknown>[];
    expect(Reflect.ownKeys(back[0] ?? {})).toEqual(["item", "self"]);
    expect(back[0]).toBe(back[1]);
    expect(back[0]?.["self"]).toBe(back[0]);
  });

  test("any value of the codec's set", () => {
    const values = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withBoxedValues: true,
      maxDepth: 4,
      key: fc.string().filter((key) => key !== "__proto__"),
    });
    fc.assert(
      fc.property(values, (value) => {
        expect(roundTrip(value)).toStrictEqual(value);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a Decimal", () => {
  test.each([
    "0",
    "-0",
    "1.5",
    "-12.50",
    "0.1000000000000000055511151231257827",
    "1e+400",
    "1e-400",
    "9".repeat(60),
    "NaN",
    "-Infinity",
  ])("of %s comes back with every digit and its sign", (digits) => {
    const back = roundTrip({ total: new Prisma.Decimal(digits) }) as { total: Prisma.Decimal };
    expect(back.total.valueOf()).toBe(new Prisma.Decimal(digits).valueOf());
    expect(JSON.stringify(back)).toBe(JSON.stringify({ total: new Prisma.Decimal(digits) }));
  });

  test("can be calculated with, and Prisma knows it as its own", () => {
    const { total } = roundTrip({ total: new Prisma.Decimal("0.1") }) as { total: Prisma.Decimal };
    expect(Prisma.Decimal.isDecimal(total)).toBe(true);
    expect(total.plus("0.2").equals(new Prisma.Decimal("0.3"))).toBe(true);
    expect(new Prisma.Decimal(1).plus(total).toString()).toBe("1.1");
  });
});

describe("bytes", () => {
  const kinds = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array];
  const more = [Float32Array, Float64Array, BigInt64Array, BigUint64Array];

  test.each([...kinds, ...more].map((View) => [View.name, View] as const))(
    "in the middle of a larger buffer come back alone: %s",
    (_name, View) => {
      const buffer = new ArrayBuffer(64);
      const secret = new Uint8Array(buffer).fill(0x53);
      secret.fill(1, 16, 32);
      const back = roundTrip(new View(buffer, 16, 16 / View.BYTES_PER_ELEMENT)) as ArrayBufferView;
      expect(back).toBeInstanceOf(View);
      expect(back).toStrictEqual(new View(new Uint8Array(16).fill(1).buffer));
      expect(back.buffer.byteLength).toBe(16);
    },
  );

  test("of a DataView into a larger buffer come back alone", () => {
    const back = roundTrip(new DataView(new Uint8Array([9, 1, 2, 9]).buffer, 1, 2)) as DataView;
    expect(back).toBeInstanceOf(DataView);
    expect([back.byteLength, back.buffer.byteLength, back.getUint16(0)]).toEqual([2, 2, 0x01_02]);
  });

  test("of a small Buffer are stored without those of its neighbours in Node's common buffer", () => {
    const neighbour = Buffer.from("the password of another user");
    const mine = Buffer.from("mine");
    expect(mine.buffer).toBe(neighbour.buffer);
    const text = encode({ deep: [{ mine }] });
    expect(text.length).toBeLessThan(100);
    expect(Buffer.from((decode(text) as { deep: { mine: Uint8Array }[] }).deep[0]?.mine ?? [])).toEqual(mine);
  });

  test("of an empty view into a large buffer take no room", () => {
    expect(encode(new Uint8Array(new ArrayBuffer(10_000), 5_000, 0)).length).toBeLessThan(100);
    expect(roundTrip(new Uint8Array(new ArrayBuffer(8), 4, 0))).toStrictEqual(new Uint8Array());
  });

  test("of any window of any buffer come back, and only they", () => {
    const windows = fc
      .uint8Array({ maxLength: 64 })
      .chain((all) => fc.tuple(fc.constant(all), fc.nat(all.length), fc.nat(all.length)));
    fc.assert(
      fc.property(windows, ([all, one, other]) => {
        const view = all.subarray(Math.min(one, other), Math.max(one, other));
        const back = roundTrip({ view, again: view }) as Record<"view" | "again", Uint8Array>;
        expect(back.view).toStrictEqual(new Uint8Array(view));
        expect(back.view.buffer.byteLength).toBe(view.length);
        expect(back.again).toBe(back.view);
      }),
    );
  });
});

describe("a value that cannot come back is refused, by its path", () => {
  class Order {
    id = 1;
  }
  test.each<[string, unknown, string]>([
    ["a class instance", { items: [{ order: new Order() }] }, ".items[0].order"],
    ["an error", { cause: new Error("x") }, ".cause"],
    ["a function", { items: [() => 1] }, ".items[0]"],
    ["a symbol", { "a b": Symbol("s") }, '["a b"]'],
    [
      "a symbol as a key beside that of an inspector",
      { item: { [inspect.custom]: 1, [Symbol("s")]: 1 } },
      ".item",
    ],
    [
      "an inspector's symbol on an instance",
      { item: Object.assign(new Order(), { [inspect.custom]: 1 }) },
      ".item",
    ],
    ["a symbol as a key", { item: { [Symbol("s")]: 1 } }, ".item"],
    ["a promise", { later: Promise.resolve(1) }, ".later"],
    ["a thenable", { later: { then: () => {} } }, ".later"],
    ["a stream", { body: new ReadableStream() }, ".body"],
    ["a generator", { rows: (function* () {})() }, ".rows"],
    ["a Response", { response: new Response("x") }, ".response"],
    ["a File", { file: new File(["x"], "a") }, ".file"],
    ["a WeakMap", { cache: new WeakMap() }, ".cache"],
    ["an own __proto__", { a: JSON.parse('{"__proto__":1}') as unknown }, ".a"],
    ["an instance as the value of a Map", { map: new Map([["k", new Order()]]) }, '.map.get("k")'],
    ["an instance itself", new Order(), ""],
  ])("%s", (_what, value, path) => {
    expect(() => encode(value)).toThrow(UnstorableValueError);
    expect(() => encode(value)).toThrow(expect.objectContaining({ path }));
  });

  // Its arguments take their room on the stack, however well it is compiled.
  const deeper = (levels: number, work: () => string, ...room: number[]): string =>
    levels === 0 ? work() : deeper(levels - 1, work, ...room);
  const ROOM = Array.from({ length: 50 }, (_, n) => n);

  test("or comes back whole: a nesting that can be written can be read", () => {
    for (let depth = 100; depth <= 100_000; depth = Math.ceil(depth * 1.5)) {
      let value: unknown = 1;
      for (let level = 0; level < depth; level += 1) value = [value];
      let text: string | undefined;
      try {
        // With less room than there is for reading: how much a frame takes depends on what has been compiled by then.
        text = deeper(1_000, () => encode(value), ...ROOM);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      if (text !== undefined) expect(() => decode(text)).not.toThrow();
    }
  });
});

describe("a text that was tampered with throws instead of giving a value", () => {
  test.each([
    "",
    "{",
    "undefined",
    "[]",
    '[["Unknown",1],2]',
    '[["Decimal",1],"x"]',
    '[["Date"]',
    "[[1,2],3]",
    "7",
  ])("%j", (text) => {
    expect(() => decode(text)).toThrow();
  });
});

test("an error of a value that cannot be stored has a cause only where a codec gives one", () => {
  const cause = new Error("why");
  expect(new UnstorableValueError("no", ".a", cause)).toMatchObject({ path: ".a", cause });
  // That of devalue holds the whole value.
  expect(() => devalueCodec.encode({ secret: "s", call: () => 1 })).toThrow(
    expect.not.objectContaining({ cause: expect.anything() }),
  );
});
