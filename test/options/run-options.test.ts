import { describe, expect, test } from "vitest";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import {
  outcomeMsOf,
  type RunOptions,
  resolveOptions,
  storeAll,
} from "../../src/core/contract/options/options.ts";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";

const resolve = (options: Record<string, unknown>) => resolveOptions(options as RunOptions);

/** Values of every type; each row of the table leaves out those it accepts. */
const samples: Record<string, unknown> = {
  null: null,
  boolean: true,
  bigint: 1n,
  symbol: Symbol("s"),
  string: "3s",
  number: 7,
  array: [1],
  object: { unknown: 1 },
  function: () => true,
};
const wrong = (option: string, accepted: string[], remedy: string | RegExp) =>
  Object.entries(samples)
    .filter(([type]) => !accepted.includes(type))
    .map(([type, value]) => ({ option, type, value, remedy }));

const numbers = [
  "retentionMs",
  "waitMs",
  "waitersMax",
  "scopeWaitersMax",
  "allWaitersMax",
  "outageMs",
  "retryConflicts",
  "resultBytesMax",
];

describe("an option of the wrong type is a TypeError that names option, type and remedy", () => {
  test.each([
    ...numbers.flatMap((option) => wrong(option, ["number"], "an integer from")),
    ...wrong("onDuplicate", [], '"wait" or "reject"'),
    ...wrong("storeError", ["function"], "a function"),
    ...wrong("codec", [], "the functions encode and decode"),
    ...wrong("errors", [], "the functions serialize and deserialize"),
    ...wrong("storeInput", ["boolean"], "true or false"),
    ...wrong("eventKeys", ["boolean"], "true or false"),
    ...wrong("redact", ["function"], "a function such as (value, kind) => value"),
    ...wrong("errorClasses", [], "a list of classes, for example [ZodError]"),
    // An object is taken for its known properties, of which these have none.
    ...wrong("transaction", ["object", "array"], "an object of maxWaitMs, timeoutMs and isolationLevel"),
  ])("$option: $type", ({ option, type, value, remedy }) => {
    expect(() => resolve({ [option]: value })).toThrow(TypeError);
    expect(() => resolve({ [option]: value })).toThrow(`onceonly: option ${option} is of type ${type}`);
    expect(() => resolve({ [option]: value })).toThrow(remedy);
  });

  test.each([
    ...wrong("maxWaitMs", ["number"], "an integer from 1"),
    ...wrong("timeoutMs", ["number"], "an integer from 1"),
    ...wrong("isolationLevel", [], `"Serializable"`),
  ])("transaction.$option: $type", ({ option, type, value, remedy }) => {
    const options = { transaction: { [option]: value } };
    expect(() => resolve(options)).toThrow(TypeError);
    expect(() => resolve(options)).toThrow(`onceonly: option transaction.${option} is of type ${type}`);
    expect(() => resolve(options)).toThrow(remedy);
  });
});

describe("a number that cannot be used is refused, and shown", () => {
  test.each(
    numbers.flatMap((option) =>
      // Only the retention is not counted by a timer of 32 bits.
      [-1, 0.5, Number.NaN, Infinity, option === "retentionMs" ? 2 ** 42 : 2 ** 31].map(
        (value) => [option, value] as const,
      ),
    ),
  )("%s: %d", (option, value) => {
    expect(() => resolve({ [option]: value })).toThrow(TypeError);
    expect(() => resolve({ [option]: value })).toThrow(
      `onceonly: option ${option} is of type number (${JSON.stringify(value)})`,
    );
  });

  test.each(["retentionMs", "resultBytesMax"])("%s: 0", (option) => {
    expect(() => resolve({ [option]: 0 })).toThrow(`option ${option}`);
  });

  test.each(["maxWaitMs", "timeoutMs"])("transaction.%s: 0", (option) => {
    expect(() => resolve({ transaction: { [option]: 0 } })).toThrow(`option transaction.${option}`);
  });
});

describe("a number at its bound is accepted", () => {
  test.each<[string, number]>([
    ["retentionMs", 1],
    ["retentionMs", 365 * 86_400_000],
    ["waitMs", 0],
    ["waitersMax", 0],
    ["outageMs", 0],
    ["retryConflicts", 0],
    ["resultBytesMax", 1],
    ["waitMs", 2 ** 31 - 1],
  ])("%s: %d", (option, value) => {
    expect(resolve({ [option]: value })).toMatchObject({ [option]: value });
  });
});

describe("an outageMs that is longer than the records are kept", () => {
  const contradiction =
    /^onceonly: option outageMs is 120000 and option retentionMs is 90000: .*give a retentionMs of at least 120000, or an outageMs of at most 90000\.$/;

  test.each<[string, RunOptions, RunOptions]>([
    ["together", {}, { outageMs: 120_000, retentionMs: 90_000 }],
    ["after the retention", { retentionMs: 90_000 }, { outageMs: 120_000 }],
    ["before the retention", { outageMs: 120_000 }, { retentionMs: 90_000 }],
  ])("is refused, given %s", (_, before, after) => {
    expect(() => resolveOptions(after, resolveOptions(before))).toThrow(contradiction);
    expect(() => resolveOptions(after, resolveOptions(before))).toThrow(TypeError);
  });

  test("and equal to the default is refused only if it was given", () => {
    expect(() => resolve({ outageMs: 60_000, retentionMs: 59_999 })).toThrow("at most 59999");
    expect(outcomeMsOf(resolve({ retentionMs: 59_999 }))).toBe(59_999);
    expect(outcomeMsOf(resolve({ outageMs: 60_000, retentionMs: 60_000 }))).toBe(60_000);
  });
});

describe("a codec", () => {
  const codec = { ...devalueCodec };

  test.each([[""], ["a:b"], [":"], [undefined], [5]])(
    "with the name %j is refused: its results could not be told",
    (name) => {
      expect(() => resolve({ codec: { ...codec, name } })).toThrow(TypeError);
      expect(() => resolve({ codec: { ...codec, name } })).toThrow("onceonly: option codec.name");
    },
  );

  test.each(["encode", "decode"])("without %s is refused", (missing) => {
    expect(() => resolve({ codec: { ...codec, [missing]: undefined } })).toThrow(
      "option codec is of type object",
    );
  });

  test("that is an instance of a class keeps its methods", () => {
    class Upper {
      readonly name = "upper";
      encode(value: unknown): string {
        return String(value);
      }
      decode(text: string): string {
        return text;
      }
    }
    const instance = new Upper();
    expect(resolve({ codec: instance }).codec).toBe(instance);
  });
});

describe("what is not given comes from", () => {
  test("the documented defaults", () => {
    expect(resolve({})).toEqual({
      retentionMs: 86_400_000,
      onDuplicate: "wait",
      waitMs: 10_000,
      waitersMax: 100,
      scopeWaitersMax: 1_000,
      allWaitersMax: 10_000,
      transaction: {},
      outageMs: 60_000,
      leaseMs: 60_000,
      storeInput: false,
      retryConflicts: undefined,
      resultBytesMax: 1_048_576,
      storeError: undefined,
      errors: errorSerializer,
      errorClasses: [],
      codec: devalueCodec,
      redact: storeAll,
      eventKeys: false,
    });
  });

  test("the base, also where it is given as undefined", () => {
    const storeError = () => true;
    const base = resolve({ waitMs: 5, onDuplicate: "reject", storeError, retryConflicts: 2 });
    const resolved = resolveOptions(
      { waitMs: 7, onDuplicate: undefined, storeError: undefined } as never,
      base,
    );
    expect(resolved).toMatchObject({ waitMs: 7, onDuplicate: "reject", storeError, retryConflicts: 2 });
    expect(base.waitMs).toBe(5);
  });

  test("the base for each limit of the transaction: a longer time-out does not weaken the isolation", () => {
    const base = resolve({ transaction: { isolationLevel: "Serializable", timeoutMs: 1_000 } });
    const { transaction } = resolveOptions({ transaction: { timeoutMs: 20_000 } }, base);
    expect(transaction).toEqual({ isolationLevel: "Serializable", timeoutMs: 20_000 });
    expect(base.transaction).toEqual({ isolationLevel: "Serializable", timeoutMs: 1_000 });
  });

  test("nowhere else: other properties of a request are not taken over", () => {
    expect(resolve({ key: "k", operation: "o", unknown: 1 })).toEqual(resolve({}));
  });
});

describe("with", () => {
  const idempotency = () =>
    idempotencyOver(
      { runningHandler: () => undefined, faultOf: () => undefined } as unknown as Store<unknown>,
      { retentionMs: 5, waitMs: 7 },
    );

  test("completes its options from those of the original, once", () => {
    const own = idempotency().with({ waitMs: 9 });
    expect([own.options.retentionMs, own.options.waitMs]).toEqual([5, 9]);
    expect(own.with({}).options).toBe(own.options);
  });

  test("refuses an option at once, and not at the first run", () => {
    expect(() => idempotency().with({ waitMs: -1 })).toThrow("onceonly: option waitMs");
  });
});
