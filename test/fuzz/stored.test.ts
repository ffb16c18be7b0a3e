/** Texts that no codec has written, and values that no application returns: what decodes gives a value or an error, and harms nothing. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import superjson from "superjson";
import { describe, expect, test } from "vitest";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec, transformerCodec } from "../../src/core/contract/options/codec.ts";
import { trpcErrorSerializer } from "../../src/trpc/errors/stored-error.ts";
import { watchPrototypes } from "../trust/prototypes.ts";
import { fuzz } from "./fuzz.ts";

const NAMES = ["__proto__", "constructor", "prototype", "toString", "then", "toJSON", "length", "a", "0", ""];
const name = fc.constantFrom(...NAMES);
const reference = fc.integer({ min: -8, max: 6 });
const TAGS = [
  "Object",
  "Row",
  "Decimal",
  "View",
  "Date",
  "Map",
  "Set",
  "RegExp",
  "BigInt",
  "null",
  "URL",
  "Uint8Array",
  "ArrayBuffer",
  "DataView",
  ...NAMES,
];
const record = fc.array(fc.tuple(name, reference), { maxLength: 3 });

/** An entry of devalue's list, as text: `JSON.stringify` would lose `__proto__`. */
const entry = fc.oneof(
  fc.json({ maxDepth: 1 }),
  fc.array(reference, { maxLength: 4 }).map((items) => JSON.stringify(items)),
  record.map((members) => `{${members.map(([key, to]) => `${JSON.stringify(key)}:${to}`).join(",")}}`),
  fc
    .tuple(
      fc.constantFrom(...TAGS),
      fc.array(fc.oneof(reference, name, fc.string({ maxLength: 4 })), { maxLength: 4 }),
    )
    .map(([tag, rest]) => JSON.stringify([tag, ...rest])),
  name.map((text) => JSON.stringify(text)),
  fc.constantFrom("[-7,4294967295,0,1]", "[-7,3,5,1]", '"9e999999999"', '"(a+)+$"'),
);
const devalueTexts = fc.oneof(
  fc.array(entry, { minLength: 1, maxLength: 7 }).map((entries) => `[${entries.join(",")}]`),
  fc.string({ unit: "binary", maxLength: 20 }),
);

const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("."));
const annotation = fc.oneof(
  fc.constantFrom(
    ...["Date", "bigint", "map", "set", "Error", "regexp", "URL", "undefined", "number"].map((type) => [
      type,
    ]),
  ),
  name.map((type) => [["class", type]]),
  name.map((type) => [["symbol", type]]),
  name.map((type) => [["custom", type]]),
);
const pairs = (values: fc.Arbitrary<unknown>) =>
  fc
    .array(fc.tuple(path, values), { maxLength: 3 })
    .map(
      (all) => `{${all.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`,
    );
const superjsonTexts = fc
  .tuple(
    record.map(
      (members) => `{${members.map(([key]) => `${JSON.stringify(key)}:{"a":{"a":"0"}}`).join(",")}}`,
    ),
    pairs(annotation),
    pairs(fc.array(path, { maxLength: 2 })),
  )
  .map(
    ([json, values, same]) => `{"json":${json},"meta":{"values":${values},"referentialEqualities":${same}}}`,
  );

/** What is decoded is an error or a value, and a value can be encoded or is refused: it is data, and nothing alive. */
function expectHarmless(decode: () => unknown, encode: (value: unknown) => unknown): void {
  try {
    encode(decode());
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
  }
}

describe("a text that was forged", () => {
  test("for devalue is a value or an error", async () => {
    const unchanged = watchPrototypes();
    const runs = await fuzz(
      fc.property(devalueTexts, (text) => {
        // A list of four billion holes is for whoever walks it.
        expectHarmless(
          () => devalueCodec.decode(text),
          (value) => (text.includes("4294967295") ? undefined : devalueCodec.encode(value)),
        );
        unchanged.quickly();
      }),
    );
    expect(runs).toBeGreaterThan(0);
    unchanged();
  });

  test("for superjson is a value or an error", async () => {
    const unchanged = watchPrototypes();
    const { decode, encode } = transformerCodec(superjson);
    const runs = await fuzz(
      fc.property(superjsonTexts, (text) => {
        expectHarmless(() => decode(text), encode);
        unchanged.quickly();
      }),
    );
    expect(runs).toBeGreaterThan(0);
    unchanged();
  });
});

const part = fc.oneof(name, fc.integer({ min: 0, max: 2 }), fc.constantFrom("list", "push", "text"));
const { error: forgedErrors } = fc.letrec<{ error: object }>((tie) => ({
  error: fc.record(
    {
      name: fc.oneof(
        name,
        fc.constantFrom("Error", "TypeError", "AggregateError", "IdempotencyError", "TRPCError"),
      ),
      message: fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom(null, 5)),
      class: fc.oneof(name, fc.constantFrom("TypeError", "RangeError")),
      properties: fc.oneof(
        fc.constant({ list: [null, { a: null }], text: "x", code: "X", details: {} }),
        fc.anything({ key: name, maxDepth: 2 }),
      ),
      hidden: fc.anything({ key: name, maxDepth: 2 }),
      nested: fc.array(fc.record({ path: fc.array(part, { maxLength: 4 }), error: tie("error") }), {
        maxLength: 2,
      }),
      cause: tie("error"),
      code: fc.oneof(name, fc.constantFrom("CONFLICT")),
      zod: fc.oneof(fc.constant(["ZodError"]), fc.anything({ maxDepth: 1 })),
    },
    { requiredKeys: ["name", "message", "properties"] },
  ),
}));

test("a stored error that was forged is an error or none", async () => {
  const unchanged = watchPrototypes();
  const runs = await fuzz(
    fc.property(forgedErrors, (stored) => {
      for (const { deserialize } of [errorSerializer, trpcErrorSerializer]) {
        expectHarmless(
          () => deserialize(stored, []),
          (error) => errorSerializer.serialize(error),
        );
        unchanged.quickly();
      }
    }),
  );
  expect(runs).toBeGreaterThan(0);
  unchanged();
});

const values = fc.anything({
  key: fc.oneof(name, fc.string({ maxLength: 3 })),
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
  maxDepth: 4,
});

/** Whether codecs refuse it. */
const holdsProto = (value: unknown, seen = new Set<unknown>()): boolean => {
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  const inner =
    value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
  return Object.hasOwn(value, "__proto__") || inner.some((item) => holdsProto(item, seen));
};

describe("a value with any names", () => {
  test("comes back as it was, or is refused", async () => {
    await fuzz(
      fc.property(values, (value) => {
        if (holdsProto(value)) {
          expect(() => devalueCodec.encode(value)).toThrow();
          return;
        }
        const text = devalueCodec.encode(value);
        const back = devalueCodec.decode(text);
        expect(devalueCodec.encode(back)).toBe(text);
        // For Node.js, an invalid date does not equal another.
        expect(isDeepStrictEqual(back, value) || text.includes('["Date",""]')).toBe(true);
      }),
    );
  });

  test("that is a property of an error comes back with it, or is refused", async () => {
    const unchanged = watchPrototypes();
    const own = fc.dictionary(fc.oneof(name, fc.constantFrom("code", "meta")), values, { maxKeys: 3 });
    await fuzz(
      fc.property(own, fc.constantFrom(Error, TypeError, RangeError), (properties, Class) => {
        const error = new Class("m");
        for (const [key, value] of Object.entries({
          ...properties,
          meta: { inner: [new Class("inner")], ...properties },
        }))
          Object.defineProperty(error, key, {
            value,
            enumerable: true,
            configurable: true,
            writable: true,
          });
        const stored = errorSerializer.serialize(error);
        if (holdsProto(stored)) {
          expect(() => devalueCodec.encode(stored)).toThrow();
        } else {
          const text = devalueCodec.encode(stored);
          const back = errorSerializer.deserialize(devalueCodec.decode(text)) as Error;
          expect(devalueCodec.encode(errorSerializer.serialize(back))).toBe(text);
        }
        unchanged.quickly();
      }),
    );
    unchanged();
  });
});
