import { existsSync } from "node:fs";

/** The test files that a run has to leave out for want of Jest. In CI it must be there. */
export function jestTestsLeftOut(): string[] {
  if (existsSync(new URL("../compat/jest/node_modules", import.meta.url))) return [];
  const message = "LEFT OUT: the test in Jest. To run it: npm ci --ignore-scripts --prefix test/compat/jest.";
  if (process.env["CI"]) throw new Error(message);
  process.stderr.write(`${message}\n`);
  return ["test/testing/jest.test.ts"];
}
