/** The parts of the package that `npm run mutate` changes, each with the tests that are to notice. Others would, and take longer. */
export interface Batch {
  /** Patterns of files. */
  readonly mutate: readonly string[];
  /** Patterns of test files, of those in vitest.mutation.config.ts. */
  readonly tests: readonly string[];
  /** Both where not given: what SQLite lacks is tried on PostgreSQL. */
  readonly databases?: string;
}

const ERRORS = [
  "errors-and-callbacks",
  "stored-error",
  "stored-form",
  "error-classes",
  "errors",
  "passing-codes",
].map((name) => `test/errors/${name}.test.ts`);

const core = (folder: string, tests: readonly string[]): Batch => ({
  mutate: [`src/core/${folder}/**/*.ts`],
  tests,
  databases: "sqlite",
});

export const BATCHES: Readonly<Record<string, Batch>> = {
  adapter: core("adapter", [
    "test/trpc/*.test.ts",
    "test/http/*.test.ts",
    "test/identity/*.test.ts",
    "test/options/*.test.ts",
    "test/leases/http-options.test.ts",
  ]),
  browser: core("browser", [
    "test/client/*.test.ts",
    "test/options/checks.test.ts",
    "test/leases/pauses.test.ts",
  ]),
  contract: core("contract", [
    "test/options/*.test.ts",
    "test/replay/codec*.test.ts",
    "test/replay/transformer-codec.test.ts",
    "test/http/options.test.ts",
    "test/trpc/options.test.ts",
    "test/errors/{callbacks,found,told,mistakes}.test.ts",
    "test/leases/http-options.test.ts",
    ...ERRORS,
  ]),
  duplicates: core("duplicates", ["test/duplicates/*.test.ts", "test/replay/cache.test.ts"]),
  encryption: core("encryption", ["test/encryption/*.test.ts"]),
  events: core("events", ["test/events/*.test.ts", "test/errors/callbacks.test.ts"]),
  lease: core("lease", ["test/leases/*.test.ts", "test/messages/leased.test.ts"]),
  outcome: core("outcome", [
    "test/replay/*.test.ts",
    "test/errors/callbacks.test.ts",
    "test/errors/{suppressed-writes,run-errors}.test.ts",
    "test/transaction/after-commit.test.ts",
    "test/encryption/redact.test.ts",
    ...ERRORS,
  ]),
  request: core("request", ["test/identity/*.test.ts", "test/options/run-options.test.ts"]),
  retry: core("retry", [
    "test/duplicates/*.test.ts",
    "test/errors/{unavailable,away,every-fault}.test.ts",
    "test/chaos/turns.test.ts",
    "test/leases/{hedged,edges}.test.ts",
    "test/retention/start-pruning.test.ts",
  ]),
  run: {
    mutate: ["src/core/run/*.ts", "src/core/create.ts"],
    tests: [
      "test/errors/*.test.ts",
      "test/transaction/*.test.ts",
      "test/replay/replay.test.ts",
      "test/duplicates/duplicates.test.ts",
      "test/options/*.test.ts",
      "test/store/clients.test.ts",
    ],
    databases: "sqlite",
  },
  upkeep: core("upkeep", [
    "test/store/{cursor,asked-of-upkeep,listing,inspect,check}.test.ts",
    "test/retention/*.test.ts",
  ]),
  ambient: { mutate: ["src/prisma/ambient/*.ts"], tests: ["test/ambient/*.test.ts"] },
  client: {
    mutate: ["src/prisma/client/*.ts", "src/prisma/claim-messages.ts"],
    tests: [
      "test/transaction/*.test.ts",
      "test/store/{clients,literals,whose-begin,mapped-names,check}.test.ts",
      "test/errors/{ended-transactions,passing-codes}.test.ts",
      "test/ambient/batches.test.ts",
      "test/replay/replay.test.ts",
    ],
  },
  guard: {
    mutate: ["src/prisma/guard/*.ts"],
    tests: ["test/guard/*.test.ts", "test/ambient/escapes.test.ts"],
  },
  handler: {
    mutate: ["src/prisma/handler/*.ts"],
    tests: [
      "test/ambient/*.test.ts",
      "test/transaction/*.test.ts",
      "test/errors/{own-end,committed-by-handler}.test.ts",
      "test/guard/guard.test.ts",
    ],
  },
  store: {
    mutate: ["src/prisma/*.ts", "!src/prisma/claim-messages.ts"],
    tests: [
      "test/store/*.test.ts",
      "test/leases/{in-time,hedged,fencing}.test.ts",
      "test/errors/{suppressed-writes,own-end,broken-commit}.test.ts",
      "test/replay/replay.test.ts",
      "test/duplicates/duplicates.test.ts",
      "test/transaction/fencing.test.ts",
    ],
  },
};
