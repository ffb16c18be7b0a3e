export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: {
    configFile: "vitest.mutation.config.ts",
    // To find the files that import a mutant's takes longer than to look at what it covers.
    related: false,
  },
  mutate: ["src/core/**/*.ts", "src/prisma/**/*.ts"],
  // What decides something is of a union type, and the compiler finds it; the rest is prose, which test/errors/mistakes.test.ts compares.
  mutator: { excludedMutations: ["StringLiteral"] },
  coverageAnalysis: "perTest",
  // What runs as a module is loaded belongs to no test: each such mutant would need all of them.
  ignoreStatic: true,
  concurrency: 1,
  incremental: true,
  // Nobody compiles the mutants, and a line put before each file would move those that tests name.
  disableTypeChecks: false,
  reporters: ["clear-text", "json"],
  ignorePatterns: [".ci", "bench", "coverage", "dist", "docs", "ops", "test/browser", "test/runtimes"],
};
