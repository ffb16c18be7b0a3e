import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { browserTestsLeftOut } from "./test/browser/chromium.ts";
import { compatProjects, graphqlFrom } from "./test/compat/projects.ts";
import { sqliteTestsLeftOut } from "./test/support/providers.ts";
import { scaled, times } from "./test/support/scale.ts";

/** For the long run alone: what needs a browser, a broker or a folder of its own, or waits for silence. */
const short = { leftOut: ["test/{browser,brokers}/**", "test/examples/{demo,payments}.test.ts"], projects: [] };

const { leftOut, projects } = scaled({
  short: () => short,
  long: () => ({ leftOut: browserTestsLeftOut(), projects: compatProjects() }),
})();

const main = {
  plugins: [graphqlFrom("./")],
  test: {
    name: "main",
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...leftOut, ...sqliteTestsLeftOut()],
  },
};

const SLOW = /interleavings|\/(?:brokers|browser|chaos|examples|races)\//;

/** What takes minutes comes first, so that nothing of it is left when all else has ended. */
class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSlow = ({ moduleId }: TestSpecification) => SLOW.test(moduleId);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  test: {
    pool: "forks",
    // One database server serves them all. One more than there are cores on a small machine, as some of them mostly wait: for
    // leases that lapse, brokers, a browser. With four there the whole takes longer.
    maxWorkers: 3,
    sequence: { sequencer: SlowFirst },
    globalSetup: ["test/support/global-setup.ts"],
    projects: [main, ...projects].map((project) => ({
      ...project,
      resolve: { tsconfigPaths: true },
      test: {
        // For what would never end. How fast something is is no matter of these: the machine may be busy.
        testTimeout: times({ short: 300_000, long: 1_800_000 }),
        hookTimeout: 300_000,
        expect: { poll: { timeout: 120_000 } },
        ...project.test,
      },
    })),
  },
});
