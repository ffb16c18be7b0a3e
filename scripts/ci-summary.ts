/**
 * Adds up what `.ci/run` left in a folder: `steps` (a name and an exit code in each line) and vitest's JSON
 * reports, named after their steps. A skipped test is a failure here: CI has every database there is.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

const folder = process.argv[2];
if (folder === undefined) throw new Error("usage: ci-summary.ts <folder>");

let passed = 0;
const failures: string[] = [];
for (const line of readFileSync(join(folder, "steps"), "utf8").trim().split("\n")) {
  const [step = "", code] = line.split(" ");
  addReport(step, join(folder, `${step}.json`));
  // Also beside failed tests: the coverage may be too low too.
  if (code !== "0") failures.push(`${step}: exit code ${code}`);
}
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 ? 0 : 1;

function addReport(step: string, path: string): void {
  if (!existsSync(path)) return;
  const { testResults } = JSON.parse(readFileSync(path, "utf8")) as Report;
  for (const { name, status, message, assertionResults } of testResults) {
    const file = relative("", name);
    const notPassed = assertionResults.filter((test) => test.status !== "passed");
    passed += assertionResults.length - notPassed.length;
    for (const test of notPassed) {
      const why = (test.failureMessages ?? []).map(beginningOf).join("");
      failures.push(`${step}: ${file}: ${test.fullName} (${test.status})${why}`);
    }
    // A file that could not be loaded has no tests to blame.
    if (status === "failed" && notPassed.length === 0)
      failures.push(`${step}: ${file}${beginningOf(message)}`);
  }
}

/** As much as a reader needs who has nothing but the end of the run's output. */
function beginningOf(message: string): string {
  return message
    .split("\n", 20)
    .map((line) => `\n    ${line}`)
    .join("");
}
