/** Each threat of docs/internals/threat-model.md is attacked by a test that exists. */
import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { read, root, tables, titlesIn } from "./markdown.ts";

interface Threat {
  threat?: string;
  "held by"?: string;
  test?: string;
  name?: string;
}

const threats: readonly Threat[] = tables(read("docs/internals/threat-model.md")).flat();

function problemOf({ threat = "", "held by": held = "", test = "", name = "" }: Threat): string | undefined {
  if (threat === "" || held === "" || name === "") return `a row lacks a cell: ${threat}`;
  if (!existsSync(root + test)) return `${test} does not exist`;
  return titlesIn(read(test)).some((title) => title.includes(name))
    ? undefined
    : `${test} has no test: ${name}`;
}

it("every threat is attacked by a test that exists", () => {
  expect(threats.length).toBeGreaterThan(30);
  expect(threats.flatMap((threat) => problemOf(threat) ?? [])).toEqual([]);
});

it("a test that is not there is found", () => {
  const good = { threat: "t", "held by": "h", test: "test/docs/links.test.ts", name: "knows a broken link" };
  expect(problemOf(good)).toBeUndefined();
  expect(problemOf({ ...good, name: "knows no broken link" })).toBeDefined();
  expect(problemOf({ ...good, test: "test/docs/no.test.ts" })).toBeDefined();
  expect(problemOf({ ...good, "held by": "" })).toBeDefined();
});

it("SECURITY.md links it", () => {
  expect(read("SECURITY.md")).toContain("](docs/internals/threat-model.md)");
});
