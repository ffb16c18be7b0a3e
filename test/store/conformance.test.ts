/** The cases that `onceonly/testing` has for stores of others, on each database of ours. */
import { describe, expect, it } from "vitest";
import { type ConformanceOptions, storeConformance } from "../../src/testing/index.ts";
import { databases } from "../support/database.ts";
import { casesOn } from "./conformance-cases.ts";

describe.each(databases)("a store on $name", (database) => {
  const cases = casesOn(database);

  it.each(cases.map(({ name, run }) => [name, run] as const))("%s", async (_, run) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

it.each<[unknown, RegExp]>([
  [
    {},
    /option open is of type undefined; give a function such as async \(\) => \(\{ store, write, written \}\)/,
  ],
  [{ open: "sqlite" }, /option open is of type string/],
  [{ open: () => {}, stores: 2 }, /there is no option stores/],
])("the options %o are refused", (options, message) => {
  expect(() => storeConformance(options as ConformanceOptions<unknown>)).toThrow(message);
});
