/** Prints the test files that reach a source file, as the last run with coverage has seen it: `npm run tests-of -- <file>`. */
import { relative } from "node:path";
import { REACHED, readReached } from "../test/support/coverage.ts";

const [given] = process.argv.slice(2);
if (given === undefined) throw new Error("usage: npm run tests-of -- src/...");
const source = relative("", given);
const reached = Object.entries(readReached());
if (reached.length === 0)
  throw new Error(`no ${REACHED}: run "npm test -- --coverage" or "npm run test:long"`);
const tests = reached.flatMap(([test, sources]) => (sources.includes(source) ? [test] : []));
console.log(tests.sort().join("\n"));
if (tests.length === 0) process.exitCode = 1;
