/**
 * The long lane: what `npm test` leaves out or does in small numbers, then the suites on MariaDB where there is a server, and the coverage
 * of all together. Takes that of the short lane as CI has left it in coverage/blobs/short.json, and runs the short lane for it
 * otherwise. Further arguments are for the first of these runs: on MariaDB what is about another database alone is skipped, which
 * a report in CI would count as failed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mariadbUrl } from "../test/support/providers.ts";

const BLOBS = "coverage/blobs";
const given = process.argv.slice(2);

function vitest(scale: "short" | "long", ...args: string[]): boolean {
  const env = { ...process.env, TEST_SCALE: scale };
  const vitestArgs = ["node_modules/vitest/vitest.mjs", "run", "--coverage", ...args];
  return spawnSync(process.execPath, vitestArgs, { env, stdio: "inherit" }).status === 0;
}

const keeping = (name: string) => [
  "--reporter=default",
  "--reporter=blob",
  `--outputFile.blob=${BLOBS}/${name}.json`,
];

const ends = [
  existsSync(`${BLOBS}/short.json`) || vitest("short", ...keeping("short")),
  vitest("long", "--project=!mariadb", ...keeping("long"), ...given),
  mariadbUrl() === undefined || vitest("long", "--project=mariadb", ...keeping("mariadb")),
  vitest("long", `--merge-reports=${BLOBS}`, "--reporter=dot"),
];
rmSync(BLOBS, { recursive: true });
process.exitCode = ends.every(Boolean) ? 0 : 1;
