/** Vitest's coverage by V8, which also notes what each test file reaches, for `npm run tests-of`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import v8 from "@vitest/coverage-v8";
import type { CoverageProvider } from "vitest/node";

type Report = Parameters<CoverageProvider["onAfterSuiteRun"]>[0];

/** Test files, and the source files of which they call a function. */
type Reached = Record<string, string[]>;

export const REACHED = "coverage/reached.json";

export const readReached = (): Reached =>
  existsSync(REACHED) ? (JSON.parse(readFileSync(REACHED, "utf8")) as Reached) : {};

interface Script {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { count: number }[];
  }[];
}

function reachedIn({ coverage }: Report): string[] {
  const { result } = coverage as { result: readonly Script[] };
  // A module is a function too, without a name: to import it is not to test it.
  const isCalled = ({ functions }: Script) =>
    functions.some(({ functionName, ranges: [whole] }) => functionName !== "" && (whole?.count ?? 0) > 0);
  return result
    .filter(isCalled)
    .map(({ url }) => relative("", fileURLToPath(url)))
    .filter((path) => path.startsWith("src/"));
}

export default {
  ...v8,
  async getProvider() {
    const provider = (await v8.getProvider()) as CoverageProvider;
    const reached = readReached();
    const onAfterSuiteRun = provider.onAfterSuiteRun.bind(provider);
    provider.onAfterSuiteRun = (report) => {
      for (const file of report.testFiles) reached[relative("", file)] = reachedIn(report).sort();
      return onAfterSuiteRun(report);
    };
    const reportCoverage = provider.reportCoverage.bind(provider);
    provider.reportCoverage = (...args) => {
      mkdirSync("coverage", { recursive: true });
      writeFileSync(REACHED, JSON.stringify(reached, undefined, 1));
      return reportCoverage(...args);
    };
    return provider;
  },
};
