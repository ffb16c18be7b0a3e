export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: {
    configFile: "vitest.mutation.config.ts",
    // To find the files that import a mutant's takes longer than to look at what it covers.
    related: false,
  },
  // What decides something is of a union type, and the compiler finds it; the rest is prose, which test/errors/mistakes.test.ts compares.
  mutator: { excludedMutations: ["StringLiteral"] },
  coverageAnalysis: "perTest",
  // What runs as a module is loaded belongs to no test: each such mutant would need all of them.
  ignoreStatic: true,
  concurrency: 1,
  // Runs that wait for ever are what many changes lead to.
  timeoutMS: 8_000,
  // Nobody compiles the mutants, and a line put before each file would move those that tests name.
  disableTypeChecks: false,
  reporters: ["progress-append-only"],
  ignorePatterns: [".ci", "bench", "coverage", "dist", "docs", "ops", "test/browser", "test/runtimes"],
};
