/**
 * Sees that the benchmark runs, whatever its figures: once with the servers there are, once without any. For CI, so that
 * it does not rot.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RATIOS, type Results } from "./results.ts";

const folder = mkdtempSync(join(tmpdir(), "onceonly-bench-"));
const problems: string[] = [];

function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { results: Results; said: string } | undefined {
  const json = join(folder, "results.json");
  const command = ["--import", "tsx", "main.ts", "--smoke", "--json", json, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  console.log(stdout);
  if (status !== 0) {
    problems.push(`${args.join(" ")}: exit code ${status}\n${stderr}`);
    return undefined;
  }
  return { results: JSON.parse(readFileSync(json, "utf8")) as Results, said: stdout };
}

function expect(what: string, is: boolean): void {
  if (!is) problems.push(what);
}

/** Not measured at smoke's one level of concurrency, and with its small tables. */
const ABSENT = [
  "fresh1_vs_bare_c1",
  "fresh1_vs_bare_c32",
  "fresh1_vs_bare_rtt1_c1",
  "fresh1_vs_bare_rtt2_c1",
  "mariadb_fresh1_vs_bare_rtt2_c1",
  "claim_10m_vs_10k",
  "replay_10m_vs_10k",
];

const all = run([], {});
if (all !== undefined) {
  const { ratios, missing, wrong, growth, node, processes } = all.results;
  const majors = node.map((each) => each.node.split(".")[0]);
  expect(`two versions of Node.js are measured: ${majors.join()}`, new Set(majors).size === 2);
  expect("one process and two are measured", processes.map((each) => each.processes).join() === "1,2");
  for (const { name, executions, keys } of [...node, ...processes].flatMap((each) => each.contenders)) {
    expect(`${name} in a child: ${executions} rows of ${keys} keys`, keys > 0 && executions === keys);
  }
  expect(
    "growth is measured",
    growth.every(({ claims, replays }) => claims.length + replays.length === 2),
  );
  expect("the ratios are those that are promised", Object.keys(ratios).join() === RATIOS.join());
  for (const line of missing) problems.push(`left out: ${line}`);
  for (const name of RATIOS) {
    expect(`${name} is a number: ${ratios[name]}`, ABSENT.includes(name) || Number.isFinite(ratios[name]));
  }
  // The check can fail: a bare transaction executes duplicates.
  expect(
    "two executions are found",
    wrong.some((line) => line.startsWith("bare: 2 rows after kill -9 (committed")),
  );
}

const nowhere = {
  TEST_POSTGRES_URL: "postgresql://nobody@127.0.0.1:1/nothing",
  TEST_REDIS_URL: "redis://127.0.0.1:1",
  TEST_MARIADB_URL: "mariadb://nobody@127.0.0.1:1",
};
const none = run(["--only", "throughput", "--rounds", "1"], nowhere);
if (none !== undefined) {
  const { results, said } = none;
  for (const start of [
    "PostgreSQL is not there",
    "Redis is not there",
    "MariaDB is not there",
    "postgresql is left out",
  ]) {
    expect(`"${start}" is said`, said.includes(`MISSING: ${start}`));
  }
  for (const title of ["DBOS with Prisma", "node-idempotency, Redis", "Powertools, Redis"]) {
    expect(
      `${title} is said to be left out`,
      results.missing.some((line) => line.startsWith(`${title} is left out`)),
    );
  }
  expect(
    "SQLite is measured all the same",
    results.throughput.some(({ database }) => database === "sqlite"),
  );
}

rmSync(folder, { recursive: true, force: true });
for (const problem of problems) console.error(`smoke: ${problem}`);
console.log(`smoke: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
