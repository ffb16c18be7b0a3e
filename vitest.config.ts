import { configDefaults, defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { browserTestsLeftOut } from "./test/browser/chromium.ts";
import { compatProjects, graphqlFrom } from "./test/compat/projects.ts";
import { sqliteTestsLeftOut } from "./test/support/providers.ts";

const main = {
  plugins: [graphqlFrom("./")],
  test: {
    name: "main",
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...browserTestsLeftOut(), ...sqliteTestsLeftOut()],
  },
};

const SLOW = /interleavings|\/(?:browser|chaos|examples|messages|races)\//;

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
    projects: [main, ...compatProjects()].map((project) => ({
      ...project,
      resolve: { tsconfigPaths: true },
      test: {
        testTimeout: 30_000,
        hookTimeout: 60_000,
        // A poll that waits for a database on a busy machine; Vitest's second is too short for that.
        expect: { poll: { timeout: 20_000 } },
        ...project.test,
      },
    })),
  },
});
