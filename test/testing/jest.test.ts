/** The kit in Jest, which gives each test file modules and globals of its own. */
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { bundleOf } from "../support/bundle.ts";
import { openSqlite } from "../support/database.ts";
import { FOUND, runTests } from "./run-script.ts";

const jest = createRequire(new URL("../compat/jest/package.json", import.meta.url)).resolve(
  "jest/package.json",
);

it("works in Jest", async () => {
  await using db = await openSqlite();
  const file = fileURLToPath(bundleOf(new URL("in-jest.ts", import.meta.url)));
  const config = {
    rootDir: dirname(file),
    testMatch: [`**/${basename(file)}`],
    // The bundle lies below node_modules.
    testPathIgnorePatterns: [],
    haste: { retainAllFiles: true },
    transform: {},
  };
  const { code, output } = await runTests(db, [
    "--experimental-vm-modules",
    join(dirname(jest), "bin", "jest.js"),
    `--config=${JSON.stringify(config)}`,
    "--verbose",
    "--watchman=false",
  ]);
  expect(output).toMatch(/✓ passes what is right/);
  expect(output).toMatch(/✕ passes what mails in its handler/);
  expect(output).toContain(FOUND);
  expect(code).toBe(1);
});
