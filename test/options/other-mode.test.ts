/** What a handler does not get in its mode explains itself, and is not in the way of what looks at any object. */
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { inLeaseMode, inTransactionMode } from "../../src/core/contract/other-mode.ts";

type Absent = Record<"tx" | "step", object>;

test.each([
  ["transaction", inTransactionMode({ key: "k" })],
  ["lease", inLeaseMode({ key: "k" })],
])("a context of mode %s is printed, spread and tagged as a plain object", (_, context) => {
  expect(inspect(context)).toContain("key: 'k'");
  expect(Object.prototype.toString.call(context)).toBe("[object Object]");
  expect({ ...context }).toEqual({ key: "k" });
  expect(["tx" in context, "step" in context]).toEqual([false, false]);
});

test("the tx that a leased handler does not have can be looked at, and not be used", () => {
  const { tx } = inLeaseMode({}) as Absent;
  expect(inspect(tx)).toBe("{}");
  expect(Object.prototype.toString.call(tx)).toBe("[object Object]");
  expect(() => Reflect.get(tx, "order")).toThrow("a handler in mode lease has no tx");
});
