/** The kit in another test runner than that of this repository: a broken mutation fails its test, with what was found. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { bundleOf } from "../support/bundle.ts";
import { openSqlite } from "../support/database.ts";
import { FOUND, runTests } from "./run-script.ts";

it("works in node:test", async () => {
  await using db = await openSqlite();
  const file = fileURLToPath(bundleOf(new URL("in-node-test.ts", import.meta.url)));
  const { code, output } = await runTests(db, ["--test", "--test-reporter=tap", file]);
  expect(output).toContain("ok 1 - what is right");
  expect(output).toContain("not ok 2 - what mails in its handler");
  expect(output).toContain(FOUND);
  expect(output).toMatch(/^# pass 1$/m);
  expect(code).toBe(1);
});
