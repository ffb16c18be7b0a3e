/** What clients send, what differs in one place, and the same said in another way. */
import fc from "fast-check";
import type { Random } from "../../chaos/seeded.ts";

/** A file before it is sent: its bytes can be looked at and changed. */
export class Upload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly name: string;
  readonly type: string;

  constructor(bytes: Uint8Array<ArrayBuffer>, name: string, type: string) {
    this.bytes = bytes;
    this.name = name;
    this.type = type;
  }

  get file(): File {
    return new File([this.bytes], this.name, { type: this.type });
  }
}

type Entry = [name: string, value: unknown];

/** An object with these properties of its own, also `__proto__`. */
const objectOf = (entries: readonly Entry[]): object =>
  Object.defineProperties(
    {},
    Object.fromEntries(
      entries.map(([name, value]) => [name, { value, enumerable: true, configurable: true, writable: true }]),
    ) as PropertyDescriptorMap,
  );

const HOSTILE_TEXTS = [
  "\ud800",
  "a\udc00b",
  "\0",
  "\ufffd",
  "null",
  "1",
  '"\\',
  "\u2028",
  "e\u0301",
  "\u00e9",
  "\r\n",
];

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.constantFrom(
    "2026-11-29T12:00:00.000Z",
    "4111111111111111",
    "x".repeat(5_000),
    "\ud83d\ude00".repeat(2_000),
  ),
);

const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 0.1 + 0.2, 2 ** 53, 1e16, 123456789.12345678),
);

const jsonLeaf = fc.oneof(text, number, fc.boolean(), fc.constant(null));

const HOSTILE_NAMES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "toJSON",
  "then",
  "size",
  "type",
  "json",
];
const SAFE_NAMES = ["a", "b", "ab", "", "1", "01", "-1", "0", "id", "\u00e9", "e\u0301", "\ud800", "null"];

/** Values of these leaves; `more` may hold other values in turn. */
function nested(
  leaf: fc.Arbitrary<unknown>,
  names: fc.Arbitrary<string>,
  more: (value: fc.Arbitrary<unknown>) => fc.Arbitrary<unknown>[] = () => [],
): fc.Arbitrary<unknown> {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      entriesOf(names, tie("value")).map(objectOf),
      ...more(tie("value")),
    ),
  }));
  return value;
}

const entriesOf = (names: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>): fc.Arbitrary<Entry[]> =>
  fc.uniqueArray(fc.tuple(names, value), { selector: ([name]) => name, maxLength: 4 });

function chain(levels: number): unknown {
  let value: unknown = "end";
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

// Adapters add a few levels of their own to it, of the 600 there may be.
const deep = fc.integer({ min: 100, max: 590 }).map(chain);

/** What JSON has. */
export const jsonValues: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 30, arbitrary: nested(jsonLeaf, fc.constantFrom(...SAFE_NAMES, ...HOSTILE_NAMES)) },
  { weight: 1, arbitrary: deep },
);

const dates = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) });

const sets = fc
  .uniqueArray(fc.oneof(text, fc.integer(), fc.bigInt({ min: 0n, max: 9n })), { maxLength: 4 })
  .map((items) => new Set<unknown>(items));

const mapsOf = (value: fc.Arbitrary<unknown>) =>
  fc
    .uniqueArray(fc.tuple(fc.constantFrom<unknown>("a", "b", "1", 1, 2, 3n), value), {
      selector: ([key]) => key,
      maxLength: 3,
    })
    .map((entries) => new Map(entries));

const superLeaf = fc.oneof(
  jsonLeaf,
  fc.constantFrom<unknown>(undefined, Number.NaN, Infinity, -Infinity, -0),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  dates,
  fc.constantFrom(/a/, /b+/g, /[c]/i),
  fc.constantFrom("", "?b=1", "#c").map((rest) => new URL(`https://example.com/a${rest}`)),
  fc.uint8Array({ maxLength: 4 }),
);

/** What superjson has besides. It refuses `__proto__`, `constructor` and `prototype` itself. */
export const superValues: fc.Arbitrary<unknown> = fc.oneof(
  nested(superLeaf, fc.constantFrom(...SAFE_NAMES, "a.b", "toJSON"), (value) => [
    mapsOf(value),
    sets,
    // One object in two places.
    value.map((shared) => [shared, { again: shared }]),
  ]),
  // As most of them are: an object with a few of each.
  fc.record({ at: dates, until: dates, prices: mapsOf(number), tags: sets, total: fc.bigInt() }),
);

export const uploads: fc.Arbitrary<Upload> = fc
  .tuple(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom("a.txt", "b.bin", "\u00fc.txt"),
    fc.constantFrom("text/plain", "application/octet-stream", "image/png"),
  )
  .map(([bytes, name, type]) => new Upload(Uint8Array.from(bytes), name, type));

/** The fields of a form, in their order. */
export const forms = (value: fc.Arbitrary<unknown>): fc.Arbitrary<Entry[]> =>
  fc.array(fc.tuple(fc.constantFrom("a", "b", "c[]", "\u00e9"), value), { minLength: 1, maxLength: 4 });

export const formTexts: fc.Arbitrary<unknown> = text;

type Change = () => unknown;

/** All that is this value but in one place: a leaf changed, something added, left out or moved. */
export function changesOf(value: unknown): Change[] {
  if (typeof value !== "object" || value === null) return [() => otherLeaf(value)];
  if (value instanceof Upload) return uploadChanges(value);
  if (value instanceof Date) return [() => new Date(value.getTime() + 1)];
  if (value instanceof RegExp)
    return [
      () => new RegExp(`${value.source}x`, value.flags),
      () => new RegExp(value.source, `${value.flags}m`),
    ];
  if (value instanceof URL) return [() => new URL(`${value.href}x`)];
  if (value instanceof Uint8Array) return byteChanges(value);
  if (value instanceof Set) {
    return itemChanges([...(value as Set<unknown>)], false).map((make) => () => new Set(make()));
  }
  if (value instanceof Map)
    return entryChanges([...(value as Map<unknown, unknown>)]).map((make) => () => new Map(make()));
  if (Array.isArray(value)) return itemChanges(value as unknown[], true);
  return entryChanges(Object.entries(value)).map((make) => () => objectOf(make() as Entry[]));
}

function otherLeaf(value: unknown): unknown {
  switch (typeof value) {
    case "string":
      return `${value}x`;
    case "number":
      return otherNumber(value);
    case "bigint":
      return value + 1n;
    case "boolean":
      return !value;
    default:
      return value === null ? 0 : null;
  }
}

/** The next one that a double can tell from it. */
function otherNumber(value: number): number {
  if (Object.is(value, -0) || Number.isNaN(value)) return 0;
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  bits.setBigInt64(0, bits.getBigInt64(0) + 1n);
  return bits.getFloat64(0);
}

function byteChanges(bytes: Uint8Array): (() => Uint8Array<ArrayBuffer>)[] {
  const longer = () => Uint8Array.from([...bytes, 0]);
  return [
    longer,
    ...Array.from(bytes, (byte, index) => () => Uint8Array.from(bytes).fill(byte ^ 1, index, index + 1)),
  ];
}

function uploadChanges({ bytes, name, type }: Upload): Change[] {
  return [
    ...byteChanges(bytes).map((make) => () => new Upload(make(), name, type)),
    () => new Upload(bytes, `x${name}`, type),
    () => new Upload(bytes, name, "text/html"),
  ];
}

function itemChanges(items: readonly unknown[], isOrdered: boolean): (() => unknown[])[] {
  return [
    () => [...items, "added"],
    ...items.map((_, index) => () => items.toSpliced(index, 1)),
    ...items.flatMap((item, index) => changesOf(item).map((make) => () => items.with(index, make()))),
    ...items.flatMap((item, index) =>
      isOrdered && index > 0 && areClearlyTwo(items[index - 1], item)
        ? [() => items.toSpliced(index - 1, 2, item, items[index - 1])]
        : [],
    ),
  ];
}

function entryChanges(entries: readonly [unknown, unknown][]): (() => [unknown, unknown][])[] {
  return [
    () => [...entries, ["added", 1]],
    ...entries.flatMap(([name, value], index) => [
      // An absent property and one that is `undefined` are the same input.
      ...(value === undefined
        ? []
        : [() => entries.toSpliced(index, 1), () => entries.with(index, [`${String(name)} renamed`, value])]),
      ...changesOf(value).map((make) => (): [unknown, unknown][] => entries.with(index, [name, make()])),
    ]),
  ];
}

/** Of two objects of one kind it would take the answer to say so. */
function areClearlyTwo(one: unknown, other: unknown): boolean {
  const kind = (value: unknown) => Object.prototype.toString.call(value);
  const isLeaf = typeof one !== "object" || one === null;
  return kind(one) !== kind(other) || (isLeaf && !Object.is(one, other));
}

/** The same value with the properties of objects, and what is in Maps and Sets, in another order. */
export function reordered(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) return value.map((item) => reordered(item, random));
  if (value instanceof Map) {
    return new Map(random.shuffled([...value]).map(([key, item]) => [key, reordered(item, random)]));
  }
  if (value instanceof Set) return new Set(random.shuffled([...value]));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    return value;
  }
  return objectOf(
    random.shuffled(Object.entries(value)).map(([name, item]) => [name, reordered(item, random)]),
  );
}
