/** The checks that constructors share, with their whole sentences. */
import { describe, expect, test } from "vitest";
import {
  checkFunction,
  checkFunctions,
  checkNames,
  checkNumber,
  checkOneOf,
  checkSignal,
  misuse,
  TIMER_MS_MAX,
  typeOf,
} from "../../src/core/browser/option-checks.ts";

describe("an option", () => {
  test.each<[() => void, string]>([
    [() => checkNames({ a: 1, d: 1 }, ["a", "b"]), "there is no option d; give a, b."],
    [() => checkNames("x" as never, ["a"]), "there is no option of type string; give a."],
    [() => checkNumber("n", 0, 1, 9), "option n is of type number (0); give an integer from 1 to 9."],
    [() => checkNumber("n", 10, 1, 9), "option n is of type number (10); give an integer from 1 to 9."],
    [() => checkNumber("n", 1.5, 1, 9), "option n is of type number (1.5); give an integer from 1 to 9."],
    [() => checkNumber("n", "5", 1, 9), 'option n is of type string ("5"); give an integer from 1 to 9.'],
    [() => checkNumber("n", null, 0), "option n is of type null; give an integer from 0 to 2147483647."],
    [() => checkNumber("n", 2 ** 31, 0), "option n is of type number (2147483648); give an integer from 0"],
    [() => checkOneOf("o", "c", ["a", "b"]), 'option o is of type string ("c"); give "a" or "b".'],
    [
      () => checkFunction("f", 1, "() => 1"),
      "option f is of type number (1); give a function such as () => 1.",
    ],
    [
      () => checkFunctions("f", { a() {} }, ["a", "b"]),
      "option f is of type object; give an object with the functions a and b.",
    ],
    [
      () => checkFunctions("f", null, ["a"]),
      "option f is of type null; give an object with the functions a.",
    ],
    [
      () =>
        checkFunctions(
          "f",
          Object.assign(() => 1, { a: () => 1 }),
          ["a"],
        ),
      "option f is of type function; give",
    ],
    [() => checkSignal(null), "option signal is of type null; give the signal of an AbortController."],
    [() => checkSignal({}), "option signal is of type object; give"],
    [() => checkSignal("aborted"), 'option signal is of type string ("aborted"); give'],
    [() => checkSignal(new AbortController()), "option signal is of type object; give"],
  ])("%# is refused", (check, message) => {
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`onceonly: ${message}`);
  });

  test.each<() => void>([
    () => checkNames({ a: 1, c: undefined }, ["a", "b"]),
    () => checkNumber("n", 1, 1, 9),
    () => checkNumber("n", 9, 1, 9),
    () => checkNumber("n", TIMER_MS_MAX, 0),
    () => checkNumber("n", undefined, 1, 9),
    () => checkOneOf("o", "b", ["a", "b"]),
    () => checkOneOf("o", undefined, ["a", "b"]),
    () => checkFunction("f", () => 1, "() => 1"),
    () => checkFunction("f", undefined, "() => 1"),
    () => checkFunctions("f", { a() {}, b() {} }, ["a", "b"]),
    () => checkFunctions("f", undefined, ["a"]),
    () => checkSignal(new AbortController().signal),
    () => checkSignal(undefined),
  ])("%# is taken", (check) => {
    expect(check).not.toThrow();
  });

  test("is shown only if it is a text or a number", () => {
    expect(misuse("o", true, "x").message).toBe("onceonly: option o is of type boolean; give x.");
    expect(misuse("o", "a", "x").message).toBe('onceonly: option o is of type string ("a"); give x.');
    expect(misuse("o", 1, "x").message).toBe("onceonly: option o is of type number (1); give x.");
    expect([null, [], {}, undefined, 1n].map(typeOf)).toEqual([
      "null",
      "array",
      "object",
      "undefined",
      "bigint",
    ]);
  });
});
