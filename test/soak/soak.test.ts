/** Seconds of what `npm run soak` does for hours. */
import { expect, it } from "vitest";
import { SEED } from "../chaos/seeded.ts";
import { pathOfProgram } from "../cluster/galera/installed.ts";
import { postgresFolder } from "../cluster/postgresql/programs.ts";
import { selectedProviders } from "../support/providers.ts";
import { scaled } from "../support/scale.ts";
import { soak } from "./soak.ts";

const databases = scaled({
  short: () => ["sqlite"],
  long: () => [
    "sqlite",
    ...(postgresFolder() === undefined ? [] : ["postgresql"]),
    ...(pathOfProgram("mariadb-install-db") === undefined ? [] : ["mariadb"]),
  ],
})().filter((name) => name !== "sqlite" || selectedProviders().includes("sqlite"));

it.each(databases)("what users were told is what the database has, on %s", async (database) => {
  const ms = scaled({ short: 5_000, long: 20_000 });
  const report = await soak({ database, ms, seed: SEED, servers: 2, users: 8, faultEveryMs: 400 });
  expect({ seed: SEED, violations: report.violations }).toEqual({ seed: SEED, violations: [] });
  // How many there are is the machine's to say.
  expect(report.answers).toBeGreaterThan(0);
  expect(Object.keys(report.faults)).not.toEqual([]);
});
