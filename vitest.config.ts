import { configDefaults, defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { browserTestsLeftOut } from "./test/browser/chromium.ts";
import { hasGalera } from "./test/cluster/galera/installed.ts";
import { postgresqlClustersLeftOut } from "./test/cluster/postgresql/programs.ts";
import { compatProjects, graphqlFrom } from "./test/compat/projects.ts";
import { prometheusTestsLeftOut } from "./test/ops/programs.ts";
import { mariadbTestsLeftOut, mariadbUrl, sqliteTestsLeftOut } from "./test/support/providers.ts";
import { scaled, times } from "./test/support/scale.ts";
import { scaledTests, testFiles, testsReaching } from "./test/support/test-files.ts";
import { jestTestsLeftOut } from "./test/testing/installed.ts";

/** For the long run alone: what needs a browser, a broker or a folder of its own, waits for silence, or starts many processes. */
const LONG_ALONE = [
  "test/{browser,brokers,runtimes}/**/*.test.ts",
  "test/ops/prometheus.test.ts",
  "test/testing/jest.test.ts",
  "test/examples/{demo,payments,programs,webhooks,saas,nest,ambient-services,ambient-pothos,ambient-t3,t3-app,prisma-version,monitoring}.test.ts",
];

/** The suites of races and lost connections once more, over adapters that share no messages: what other databases get. */
const oneByOne: TestProjectInlineConfiguration = {
  plugins: [graphqlFrom("./")],
  test: {
    name: "one-by-one",
    include: ["test/{chaos,duplicates,races,transaction}/**/*.test.ts"],
    // The first counts messages.
    exclude: ["test/duplicates/likely-duplicates.test.ts", ...mariadbTestsLeftOut()],
    env: { TEST_MESSAGES: "one by one", TEST_SCALE: "short", DATABASES: "postgresql" },
  },
};

/** The suites of what a database must do, on MariaDB, where there is a server. The others are about what comes before a database. */
function onMariadb(): TestProjectInlineConfiguration[] {
  if (mariadbUrl() === undefined) {
    const message =
      "LEFT OUT: the suites on MariaDB. To run them: TEST_MARIADB_URL=mariadb://user:password@host:3306";
    process.stderr.write(`${message}\n`);
    return [];
  }
  return [
    {
      plugins: [graphqlFrom("./")],
      test: {
        name: "mariadb",
        include: [
          "test/{ambient,chaos,duplicates,encryption,errors,events,guard,leases,races,replay,retention,store,transaction,trust}/**/*.test.ts",
          "test/testing/expect-exactly-once.test.ts",
          "test/cli/init/generated.test.ts",
        ],
        // Collations, which Prisma's schema cannot say; texts and triggers in the SQL of others (CONTRIBUTING.md).
        exclude: [
          "test/*/sqlite.test.ts",
          "test/store/schema-drift.test.ts",
          "test/errors/{ending-texts,suppressed-writes}.test.ts",
        ],
        env: { TEST_SCALE: "short", DATABASES: "mariadb" },
      },
    },
  ];
}

/** Servers that fail over, and what stands before them. */
const onPostgresqlClusters = (): TestProjectInlineConfiguration => ({
  plugins: [graphqlFrom("./")],
  test: {
    name: "cluster-postgresql",
    include: ["test/cluster/postgresql/*.test.ts"],
    exclude: postgresqlClustersLeftOut(),
  },
});

/** One cluster for all of its files, which one process therefore runs, one after another and beside nothing else. */
function onGalera(): TestProjectInlineConfiguration[] {
  return hasGalera()
    ? [
        {
          plugins: [graphqlFrom("./")],
          test: {
            name: "cluster-galera",
            include: ["test/cluster/galera/*.test.ts"],
            maxWorkers: 1,
            sequence: { groupOrder: 1 },
          },
        },
      ]
    : [];
}

const { files, exclude, projects } = scaled({
  short: () => ({ files: testFiles(), exclude: LONG_ALONE, projects: [] }),
  long: () => ({
    // The short run has done all there is to the others.
    files: [...LONG_ALONE, ...scaledTests()],
    exclude: [...browserTestsLeftOut(), ...prometheusTestsLeftOut(), ...jestTestsLeftOut()],
    projects: [...compatProjects(), oneByOne, ...onMariadb(), onPostgresqlClusters(), ...onGalera()],
  }),
})();

/** They replace globals of their process for good: happy-dom its `window`, Hono's server its `Response`. */
const replacingGlobals = new Set([
  ...testsReaching("react/dom.ts"),
  "test/http/servers.test.ts",
  "test/http/uploads.test.ts",
  "test/examples/http.test.ts",
]);

function ownProject(name: string, isolate: boolean): TestProjectInlineConfiguration {
  return {
    plugins: [graphqlFrom("./")],
    test: {
      name,
      isolate,
      include: files.filter((path) => replacingGlobals.has(path) === isolate),
      exclude: [
        ...configDefaults.exclude,
        ...exclude,
        "test/cluster/**",
        ...sqliteTestsLeftOut(),
        ...mariadbTestsLeftOut(),
      ],
    },
  };
}

const SLOW = /interleavings|\/(?:brokers|browser|chaos|cluster|examples|races|simulator)\//;

/** What takes minutes comes first, so that nothing of it is left when all else has ended. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId, project }: TestSpecification) =>
      // A process that files share ends where a file of its own process comes between them.
      project.config.isolate ? 2 : SLOW.test(moduleId) ? 0 : 1;
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

/** Either run alone covers less than both; see scripts/test-long.ts. */
const isMerging = process.argv.some((argument) => argument.startsWith("--merge-reports"));

export default defineConfig({
  test: {
    pool: "forks",
    // One database server serves them all. One more than there are cores on a small machine, as some of them mostly wait: for
    // leases that lapse, brokers, a browser. With four there the whole takes longer.
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    globalSetup: ["test/support/global-setup.ts"],
    coverage: {
      provider: "custom",
      customProviderModule: "./test/support/coverage.ts",
      include: ["src/**/*.ts"],
      // The command line runs as a process of its own, whose coverage nobody counts: test/cli looks at what it prints and does.
      exclude: ["src/cli/*.ts", "src/cli/{application,commands,options,terminal}/**"],
      reporter: isMerging ? ["text", "json"] : [],
      // Keeps what `npm run tests-of` reads, and the reports to be merged.
      clean: false,
      ...(isMerging && {
        thresholds: {
          lines: 95,
          functions: 95,
          branches: 95,
          statements: 95,
          // Each has a test. V8 does not count an implied `else`: what is computed for it was seen to be negative, and counts as none.
          // What only the simulator reaches runs in a bundle, and is not counted either.
          "src/core/**": { branches: 99.2 },
        },
      }),
    },
    projects: [ownProject("main", false), ownProject("isolated", true), ...projects].map((project) => ({
      ...project,
      resolve: { tsconfigPaths: true },
      test: {
        // For what would never end. How fast something is is no matter of these: the machine may be busy.
        testTimeout: times({ short: 300_000, long: 1_800_000 }),
        hookTimeout: 300_000,
        // Modules are loaded once per process, which takes a quarter of the whole run's processor time otherwise.
        isolate: false,
        expect: { poll: { timeout: 120_000 } },
        ...project.test,
      },
    })),
  },
});
