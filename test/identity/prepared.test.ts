/** What a request is made into before anything is asked of the database, and what is refused there. */
import { describe, expect, test } from "vitest";
import type { IdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { defaultsOver, type ResolvedRunOptions } from "../../src/core/contract/options/options.ts";
import { checkKey, invalidKey, recordId } from "../../src/core/request/identity.ts";
import { NotComparableError } from "../../src/core/request/not-comparable.ts";
import { idOf, prepareRun } from "../../src/core/request/prepare.ts";

const base: ResolvedRunOptions = { ...defaultsOver({ timeoutMs: 5_000 }), waitMs: 1_000, outageMs: 60_000 };
const identity = { operation: "orders.place", scope: "u1", key: "k" };
const prepare = (more: object) => prepareRun({ ...identity, ...more }, base);

describe("a prepared request", () => {
  test("has its identity, its deadlines, and no retry to look for", async () => {
    const before = performance.now();
    const run = await prepare({ input: { a: 1 } });
    expect(run).toMatchObject({ ...identity, id: recordId(identity), input: null, isRetry: false });
    expect(run.events).toBeUndefined();
    expect(run.options).toBe(base);
    const now = run.deadline - 1_000;
    expect(run.outageDeadline).toBe(now + 60_000);
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(performance.now());
    expect((await prepare({ isRetry: true })).isRetry).toBe(true);
    expect((await prepare({ isRetry: false })).isRetry).toBe(false);
  });

  test.each<[object, string]>([
    [{ isRetry: 1 }, "onceonly: option isRetry is of type number"],
    [{ isRetry: null }, "onceonly: option isRetry is of type null"],
    [{ operation: "" }, "operation is a string of 0 characters; give a name of 1 to 255 characters"],
    [{ operation: "x".repeat(256) }, "operation is a string of 256 characters"],
    [{ operation: "a\0b" }, "operation is a string of 3 characters"],
    [{ operation: 7 }, "operation is of type number"],
    [{ opertion: "a" }, "there is no option opertion"],
  ])("%# is refused as a mistake of the programmer", async (more, message) => {
    const refused = prepare(more);
    await expect(refused).rejects.toThrow(TypeError);
    await expect(refused).rejects.toThrow(message);
  });

  test("may have an operation of 255 characters, and a scope that is a number", async () => {
    expect((await prepare({ operation: "x".repeat(255) })).operation).toHaveLength(255);
    expect((await prepare({ scope: 0 })).scope).toBe("0");
    expect((await prepare({ scope: 7n })).scope).toBe("7");
  });

  test.each<[unknown, string]>([
    ["", "an empty string"],
    ["a\0", "a string with NUL, which PostgreSQL cannot store"],
    [undefined, "of type undefined"],
    [null, "of type null"],
    [Number.NaN, "of type number"],
    [Infinity, "of type number"],
    [{}, "of type object"],
  ])("%# has a scope that names nobody", async (scope, found) => {
    await expect(prepare({ scope })).rejects.toMatchObject({
      code: "SCOPE_MISSING",
      details: { operation: "orders.place" },
      message: `The scope of orders.place is ${found}; it must name who may share a key, for example the user's id.`,
    });
  });

  test("has an input that cannot be compared: says so with its reason, and keeps the cause", async () => {
    const error = (await prepare({ input: () => 1 }).catch((thrown: unknown) => thrown)) as IdempotencyError;
    expect(error).toMatchObject({
      code: "INPUT_INVALID",
      details: { operation: "orders.place", reason: "not_comparable" },
      message: expect.stringMatching(/^orders\.place: input is a function/),
    });
    expect(error.cause).toBeInstanceOf(NotComparableError);
  });

  test("has an input that fails when it is read: the failure is the application's own", async () => {
    const failing = {
      get price(): number {
        throw new RangeError("no price");
      },
    };
    await expect(prepare({ input: failing })).rejects.toThrow(new RangeError("no price"));
  });
});

describe("the name of a record", () => {
  const id = recordId(identity);

  test("is its id, or what the id is made of", () => {
    expect(idOf({ id })).toBe(id);
    expect(idOf(identity)).toBe(id);
    expect(idOf({ ...identity, id: undefined } as never)).toBe(id);
  });

  test.each<[unknown, string]>([
    [null, "the options are of type null"],
    ["id", "the options are of type string"],
    [{ id: "short" }, "option id is of type string"],
    [{ id: `${id}x` }, "option id is of type string"],
    [{ id: `${id.slice(1)}!` }, "option id is of type string"],
    [{ id: 7 }, "option id is of type number"],
    [{ id, scope: "u1" }, "there is no option scope"],
    [{ ...identity, operation: "" }, "operation is a string of 0 characters"],
    [{ ...identity, name: 1 }, "there is no option name"],
  ])("%# is refused where it can be none", (name, message) => {
    expect(() => idOf(name as never)).toThrow(message);
    expect(() => idOf(name as never)).toThrow(TypeError);
  });
});

describe("a key", () => {
  test.each<[unknown, string]>([
    [7, "not_a_string"],
    ["", "empty"],
    ["x".repeat(256), "too_long"],
    ["é", "not_printable_ascii"],
    ["a\n", "not_printable_ascii"],
    ["\ta", "not_printable_ascii"],
    ["a\u007f", "not_printable_ascii"],
  ])("%# is refused with its reason, and without a cause", (key, reason) => {
    const refuse = () => checkKey(key);
    expect(refuse).toThrow(expect.objectContaining({ code: "KEY_INVALID", details: { reason } }));
    expect(refuse).not.toThrow(expect.toSatisfy((error) => Object.hasOwn(error as object, "cause")));
  });

  test("of a header that cannot be read is refused with its cause", () => {
    const cause = new Error("no string");
    expect(invalidKey("not_a_string", "no", cause)).toMatchObject({
      cause,
      details: { reason: "not_a_string" },
    });
  });

  test("may have 255 printable characters", () => {
    const printable = String.fromCharCode(...Array.from({ length: 95 }, (_, n) => 32 + n));
    expect(checkKey(printable)).toBe(printable);
    expect(checkKey("x".repeat(255))).toHaveLength(255);
  });
});
