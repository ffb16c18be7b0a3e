/** What an application has passed by mistake, as an error message names it; and what counts as a client of Prisma's. */
import { describe, expect, test } from "vitest";
import { isClient, isOutside, JOINS_ITSELF } from "../../src/core/contract/client-kind.ts";
import { isClass, misplaced } from "../../src/core/contract/found.ts";

const work = () => {};
const client = { $transaction: work, $connect: work };
class Service {
  start() {}
}
function Old() {}

describe("what was passed by mistake", () => {
  test.each<[unknown, string]>([
    [Service, "the class Service"],
    [Old, "of type function"],
    [client, "a Prisma client"],
    [{ runSettled: work }, "what createIdempotency returned"],
    [{ runSettled: true }, "of type object (with runSettled)"],
    ["redis://cache", 'of type string ("redis://cache")'],
    [7, "of type number (7)"],
    [true, "of type boolean"],
    [null, "of type null"],
    [undefined, "of type undefined"],
    [[1, 2], "of type array"],
    [{}, "of type object without members"],
    [{ a: 1 }, "of type object (with a)"],
    [{ a: 1, b: 2, c: 3 }, "of type object (with a, b, c)"],
    [{ a: 1, b: 2, c: 3, d: 4 }, "of type object (with a, b, c, ...)"],
  ])("%# is named", (value, named) => {
    expect(misplaced("idempotency", value, "the result")).toEqual(
      new TypeError(`onceonly: option idempotency is ${named}; give the result.`),
    );
  });

  test("is a class only if it is written as one", () => {
    expect(
      [
        Service,
        class {
          start() {}
        },
        Old,
        work,
        { toString: () => "class X" },
        "class X",
        null,
      ].map(isClass),
    ).toEqual([true, true, ...Array.from({ length: 5 }, () => false)]);
    function classy() {}
    expect(isClass(classy)).toBe(false);
    const later = () => [
      class {
        start() {}
      },
    ];
    expect(isClass(later)).toBe(false);
  });
});

describe("a client of Prisma's", () => {
  test("has $transaction and $connect, and is an object", () => {
    const callable = Object.assign(() => {}, client);
    const others = [
      { $transaction: work },
      { $connect: work },
      { ...client, $connect: 1 },
      {},
      null,
      undefined,
      callable,
    ];
    expect(isClient(client)).toBe(true);
    expect(others.map(isClient)).toEqual(others.map(() => false));
  });

  test("is outside, unless it joins the transaction itself, or hides its own", () => {
    const joining: Record<PropertyKey, unknown> = { ...client };
    joining[JOINS_ITSELF] = joining;
    const derived: unknown = Object.create(joining);
    const hiding = new Proxy(client, { has: (target, name) => name !== "$transaction" && name in target });
    expect([client, derived].map(isOutside)).toEqual([true, true]);
    expect([joining, hiding, {}, null, 1].map(isOutside)).toEqual([false, false, false, false, false]);
  });
});
