/** The tests that Stryker runs: what needs no server of its own, no child process and no long wait. */
import { statSync } from "node:fs";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { graphqlFrom } from "./test/compat/projects.ts";
import { testsReaching } from "./test/support/test-files.ts";

// Also for the global set-up, which would start a server. `src/prisma` is also to be tried on another one: DATABASES=sqlite,postgresql.
process.env["DATABASES"] ??= "sqlite";

const FOLDERS = [
  "ambient",
  "duplicates",
  "encryption",
  "errors",
  "events",
  "guard",
  "identity",
  "leases",
  "messages",
  "options",
  "replay",
  "retention",
  "store",
  "transaction",
  "trust",
];

/** What is about a database that is away, without a server. */
const OUTAGES = ["test/chaos/turns.test.ts"];

/** What only an adapter asks of core. */
const ADAPTERS = [
  "test/client/{is-retryable,key-header,refused-for-all,retry-policy,retryable,told-outcome}.test.ts",
  "test/http/{bodies,options,outcomes,precondition,replay,told}.test.ts",
  "test/trpc/{keys,options,require-key,should-key,told}.test.ts",
];

/** They take seconds each, or wait for others. */
const LONG = [
  "test/ambient/{contexts,storm,row-security}.test.ts",
  "test/encryption/reencrypt.test.ts",
  "test/errors/{ending-texts,every-fault-through-adapters}.test.ts",
  "test/identity/{adapters,hostile-inputs,honest-traffic}.test.ts",
  "test/leases/{abandoned,busy,clocks,http,http-kill,kill,programs,random-kills,stopped,time-zones,trpc,yoga}.test.ts",
  "test/replay/cached-outcome.test.ts",
  "test/retention/from-the-end.test.ts",
  "test/store/{package-copies,pglite,schema-drift,statements,trial,upgrade}.test.ts",
  "test/*/{mariadb,postgres}*.test.ts",
  "test/transaction/{sealed,wrapped-clients}.test.ts",
  "test/trust/{bounds,leaks,names,users}.test.ts",
];

/** A mutant is done with at the first test that fails, and small files are quick. */
class SmallFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const size = ({ moduleId }: TestSpecification) => statSync(moduleId).size;
    return files.toSorted((a, b) => size(a) - size(b));
  }
}

export default defineConfig({
  plugins: [graphqlFrom("./")],
  resolve: { tsconfigPaths: true },
  test: {
    include: [`test/{${FOLDERS.join(",")}}/*.test.ts`, ...OUTAGES, ...ADAPTERS],
    exclude: [...LONG, ...testsReaching("react/dom.ts")],
    isolate: false,
    sequence: { sequencer: SmallFirst },
    globalSetup: ["test/support/global-setup.ts"],
    testTimeout: 30_000,
    // The default is too short for a busy machine.
    expect: { poll: { timeout: 10_000 } },
  },
});
