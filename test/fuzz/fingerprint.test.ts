/** Inputs of any kind: the same input has the same fingerprint, another one another, and what cannot be compared is refused by name. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical } from "../../src/core/request/canonical.ts";
import { NotComparableError } from "../../src/core/request/not-comparable.ts";
import { reordered, sameInput, values } from "../identity/inputs.ts";
import { fuzz } from "./fuzz.ts";

const own = new Error("of the input");
const fail = () => {
  throw own;
};

class Field {
  value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** What no transformer makes, and an application may pass. */
const hostile: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBoxedValues: true,
    withTypedArray: true,
    withSparseArray: true,
    withNullPrototype: true,
  }),
  values.map((value) => new Proxy({ value }, {})),
  values.map((value) => new Proxy([value], {})),
  values.map((value) => new Field(value)),
  values.map((value) => ({ toJSON: () => value })),
  values.map((value) => Object.assign(new Field(1), { toJSON: () => value })),
  values.map((value) => Object.create({ inherited: value }) as object),
  fc
    .constantFrom<() => unknown>(
      () => ({
        get a() {
          return fail();
        },
      }),
      () => new Proxy({}, { ownKeys: fail }),
      () => new Proxy({}, { getPrototypeOf: fail }),
      () => new Proxy([], { get: fail }),
      () => Object.create(Object.create(Object.create(null) as object) as object) as object,
      () =>
        Object.assign(Object.create(Object.create(Object.create(null) as object) as object) as object, {
          a: 1,
        }),
      () => Object.create({ constructor: null }) as object,
      () => Object.create({ constructor: { name: 5 } }) as object,
      () => ({ arrayBuffer: 5, size: 1, type: "x" }),
      () => ({ arrayBuffer: async () => new ArrayBuffer(2), size: -1, type: "x", name: null }),
      () => Object.assign(() => {}, { a: 1 }),
      () => new Map([[{}, Symbol("s")]]),
      () => new Error("e"),
      () => new WeakMap(),
      () => new Date(Number.NaN),
      () => Promise.resolve(1),
      () => new ReadableStream(),
      () => globalThis,
    )
    .map((make) => make()),
);

/** With it in some place. */
const around = fc
  .tuple(
    hostile,
    fc.constantFrom<(value: unknown) => unknown>(
      (value) => value,
      (value) => [value, value],
      (value) => ({ value, other: 1 }),
      (value) => new Map([["key", value]]),
      (value) => new Set([value]),
      (value) => [undefined, [[value]]],
    ),
  )
  .map(([value, put]) => put(value));

test("any object has one text, or is refused by name, or throws what it throws", async () => {
  await fuzz(
    fc.asyncProperty(around, async (value) => {
      const written = () => canonical(value).catch((error: unknown) => error);
      const text = await written();
      if (typeof text !== "string") {
        if (text !== own && !isOfFile(text)) expect(text).toBeInstanceOf(NotComparableError);
      } else {
        expect(await written()).toBe(text);
        expect(await canonical([value])).toBe(text.length > 1_024 ? expect.anything() : `[${text}]`);
      }
    }),
  );
});

/** What only looks like a file has no content. */
const isOfFile = (error: unknown) => error instanceof TypeError && /arrayBuffer/.test(error.message);

test("two inputs have one text exactly if they are the same, in whatever order", async () => {
  await fuzz(
    fc.asyncProperty(values, values, async (one, other) => {
      expect((await canonical(one)) === (await canonical(other))).toBe(sameInput(one, other));
      expect(await canonical(reordered(one))).toBe(await canonical(one));
    }),
  );
});

test("a hole, an item that is undefined and none at all are told as ever: by the length of the list", async () => {
  const lists = fc.array(fc.option(values, { nil: undefined }), { maxLength: 6 });
  await fuzz(
    fc.asyncProperty(lists, fc.nat(5), async (list, hole) => {
      const holed = [...list];
      Reflect.deleteProperty(holed, hole);
      const filled = holed.map((item) => item);
      for (let index = 0; index < filled.length; index += 1)
        filled[index] ??= filled[index] === null ? null : undefined;
      expect(await canonical(holed)).toBe(await canonical(filled));
      expect(await canonical([...list, undefined])).not.toBe(await canonical(list));
    }),
  );
});
