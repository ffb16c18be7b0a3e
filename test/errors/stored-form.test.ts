/** How an error stands in a record, whole: other versions of this package read it. And what is made of it. */
import vm from "node:vm";
import { describe, expect, test } from "vitest";
import {
  errorSerializer,
  fromStoredError,
  type StoredError,
  toStoredErrorWithCauses,
} from "../../src/core/contract/errors/error-serializer.ts";
import {
  IdempotencyError,
  isIdempotencyError,
  isTooLarge,
  unwrapped,
} from "../../src/core/contract/errors/errors.ts";

class SoldOut extends Error {
  override readonly name = "SoldOut";
  readonly item = "lamp";
}
class Declined extends Error {
  get reason() {
    return "no funds";
  }
}
const chain = (length: number): Error =>
  length === 0 ? new Error("the first") : new Error(`after ${length}`, { cause: chain(length - 1) });
const depthOf = (stored: StoredError | undefined): number =>
  stored === undefined ? 0 : 1 + depthOf(stored.cause as StoredError | undefined);

describe("the stored form of", () => {
  test.each<[string, unknown, unknown]>([
    ["an Error", new Error("no"), { name: "Error", message: "no", properties: {} }],
    [
      "an Error of another realm",
      vm.runInNewContext("new Error('no')"),
      { name: "Error", message: "no", properties: {} },
    ],
    [
      "a class with a name of its own",
      new SoldOut("no"),
      { name: "SoldOut", message: "no", properties: { name: "SoldOut", item: "lamp" } },
    ],
    [
      "a class without one, and with a getter",
      new Declined("no"),
      { name: "Error", message: "no", class: "Declined", properties: {}, hidden: { reason: "no funds" } },
    ],
    [
      "a cause and a stack as properties",
      Object.assign(new Error("no"), { cause: 1, stack: 2, code: "NO" }),
      { name: "Error", message: "no", properties: { code: "NO" } },
    ],
    [
      "several errors",
      new AggregateError([new TypeError("a"), new SoldOut("b")], "both"),
      {
        name: "AggregateError",
        message: "both",
        properties: {},
        hidden: { errors: [null, null] },
        nested: [
          { path: ["errors", 0], error: { name: "TypeError", message: "a", properties: {} } },
          {
            path: ["errors", 1],
            error: { name: "SoldOut", message: "b", properties: { name: "SoldOut", item: "lamp" } },
          },
        ],
      },
    ],
    ["what is no error", { code: "NO" }, { thrown: { code: "NO" } }],
  ])("%s", (_what, error, stored) => {
    expect(JSON.parse(JSON.stringify(errorSerializer.serialize(error)))).toEqual(
      JSON.parse(JSON.stringify(stored)),
    );
  });

  test("causes goes five levels down, where an adapter asks for them, and what is no error has none", () => {
    expect(depthOf(toStoredErrorWithCauses(chain(9)))).toBe(6);
    expect(depthOf(toStoredErrorWithCauses(chain(2)))).toBe(3);
    expect(toStoredErrorWithCauses(chain(0))).not.toHaveProperty("cause");
    expect(toStoredErrorWithCauses(new Error("no", { cause: "a text" }))).not.toHaveProperty("cause");
    expect(toStoredErrorWithCauses("a text")).toEqual({ name: "Error", message: "a text", properties: {} });
    expect(errorSerializer.serialize(chain(2))).not.toHaveProperty("cause");
  });

  test("errors inside of errors have no causes", () => {
    const inner = new AggregateError([chain(2)]);
    const { nested } = toStoredErrorWithCauses(new AggregateError([inner])) as StoredError;
    expect(JSON.stringify(nested)).not.toContain("the first");
  });
});

describe("what is made of it", () => {
  const details = { operation: "o", reason: "too_large" };
  const ours: StoredError = {
    name: "IdempotencyError",
    message: "no",
    properties: { code: "INPUT_INVALID", details },
  };

  test("is an error of ours only with its code and its details", () => {
    expect(isIdempotencyError(fromStoredError(ours))).toBe(true);
    expect(fromStoredError(ours)).toEqual(new IdempotencyError("INPUT_INVALID", "no", details as never));
    for (const other of [
      { ...ours, name: "Error" },
      { ...ours, properties: { code: "INPUT_INVALID" } },
      { ...ours, properties: { details } },
    ]) {
      expect(isIdempotencyError(fromStoredError(other))).toBe(false);
    }
  });

  test("has properties that can be written and deleted, and a name that is not listed", () => {
    const error = fromStoredError({
      name: "SoldOut",
      message: "no",
      properties: { item: "lamp" },
      hidden: { at: 5 },
    });
    expect(Object.keys(error)).toEqual(["item"]);
    const place = { configurable: true, writable: true };
    expect(Object.getOwnPropertyDescriptor(error, "item")).toEqual({
      ...place,
      enumerable: true,
      value: "lamp",
    });
    expect(Object.getOwnPropertyDescriptor(error, "at")).toEqual({ ...place, enumerable: false, value: 5 });
    expect(Object.getOwnPropertyDescriptor(error, "name")).toEqual({
      ...place,
      enumerable: false,
      value: "SoldOut",
    });
    expect(error).not.toHaveProperty("cause");
  });

  test.each<[string, StoredError["nested"]]>([
    ["a property by itself", [{ path: ["item", "at"], error: ours }]],
    ["one that is not there", [{ path: ["none", 0], error: ours }]],
    ["one that is null", [{ path: ["nothing", 0], error: ours }]],
    ["a prototype", [{ path: ["__proto__", "polluted"], error: ours }]],
    ["a prototype of a list", [{ path: ["list", "constructor", "prototype"], error: ours }]],
  ])("has no place for another inside of %s", (_what, nested) => {
    const properties = { item: "lamp", nothing: null, list: [] };
    expect(() => fromStoredError({ name: "Error", message: "no", properties, nested: nested ?? [] })).toThrow(
      "a stored error has another inside of it where it has no place for one",
    );
    expect({}).not.toHaveProperty("polluted");
  });

  test("has others where they were", () => {
    const nested = [{ path: ["list", 1], error: { name: "TypeError", message: "a", properties: {} } }];
    const error = fromStoredError({ name: "Error", message: "no", properties: { list: [1] }, nested });
    expect(error).toMatchObject({ list: [1, new TypeError("a")] });
    expect((error as unknown as { list: unknown[] }).list[1]).toBeInstanceOf(TypeError);
  });
});

describe("an error of ours", () => {
  // Made within each test, as what is tested.
  const made = () => ({
    lost: new IdempotencyError("LEASE_LOST", "no", {} as never),
    invalid: new IdempotencyError("KEY_INVALID", "no", {} as never),
  });

  test("is what a framework has wrapped, if a retry makes sense", () => {
    const { lost, invalid } = made();
    const wrapped = new Error("wrapped", { cause: lost });
    expect(unwrapped(wrapped)).toBe(lost);
    expect(unwrapped(lost)).toBe(lost);
    const unwrapping = [new Error("x", { cause: invalid }), new Error("x"), { cause: lost }, "x", undefined];
    expect(unwrapping.map(unwrapped)).toEqual(unwrapping);
    const own = new IdempotencyError("KEY_INVALID", "no", {} as never, { cause: lost });
    expect(unwrapped(own)).toBe(own);
  });

  test("asks for a retry after a second, or for none, and is known without being listed", () => {
    const { lost, invalid } = made();
    expect(lost).toMatchObject({ retryable: true, retryAfterMs: 1_000 });
    expect(invalid).toMatchObject({ retryable: false, retryAfterMs: undefined });
    expect(invalid).not.toHaveProperty("cause");
    expect([lost, invalid, {}, null, "x", new Error("x")].map(isIdempotencyError)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(Object.keys(lost)).not.toContain("cause");
    const brand = Object.getOwnPropertySymbols(lost);
    expect(brand.map((symbol) => Object.getOwnPropertyDescriptor(lost, symbol)?.value as unknown)).toEqual([
      true,
    ]);
  });

  test("is about a size only if it says so", () => {
    const reason = (given: unknown) => ({ code: "INPUT_INVALID", details: given });
    expect(isTooLarge(reason({ reason: "too_large" }))).toBe(true);
    expect(isTooLarge(reason({ reason: "too_deep" }))).toBe(false);
    expect(isTooLarge(reason(undefined))).toBe(false);
    expect(isTooLarge({ code: "INPUT_INVALID" })).toBe(false);
    expect(isTooLarge({ code: "KEY_INVALID", details: { reason: "too_large" } })).toBe(false);
  });
});
