/** Which project runs which file. A skipped test fails in CI, and there only. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The files of a run, as `[project] path`. */
function filesOf(env: Record<string, string>): string[] {
  const vitest = fileURLToPath(new URL("../../node_modules/vitest/vitest.mjs", import.meta.url));
  const { DATABASES: _databases, TEST_MARIADB_URL: _url, VITEST: _vitest, ...ours } = process.env;
  const listed = execFileSync(process.execPath, [vitest, "list", "--filesOnly"], {
    cwd: root,
    env: { ...ours, ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return listed.split("\n").filter((line) => line.startsWith("["));
}

const onMariadbAlone = (files: string[]) => files.filter((file) => /\/mariadb[^/]*\.test\.ts$/.test(file));

describe.each(["short", "long"])("the %s lane", (scale) => {
  it("leaves the tests of MariaDB alone out where it has no server", () => {
    const files = filesOf({ TEST_SCALE: scale });
    expect(files.length).toBeGreaterThan(50);
    expect(onMariadbAlone(files)).toEqual([]);
  });

  it("has them in the project of MariaDB alone where it has one", () => {
    const files = onMariadbAlone(filesOf({ TEST_SCALE: scale, TEST_MARIADB_URL: "mariadb://a@127.0.0.1:1" }));
    const projects = new Set(files.map((file) => file.slice(0, file.indexOf("]") + 1)));
    expect([...projects]).toEqual(scale === "long" ? ["[mariadb]"] : []);
  });
});
