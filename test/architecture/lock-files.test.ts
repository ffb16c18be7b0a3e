/** Applications with lock files of their own install the packed package: `npm ci` gives it what these say that it depends on. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));
const { dependencies, peerDependencies } = read("package.json") as Package;

const lockedPackages = execFileSync("git", ["ls-files", "*/package-lock.json"], { encoding: "utf8" })
  .trim()
  .split("\n")
  .flatMap((path) => {
    const { packages } = read(path) as { packages: Readonly<Record<string, Package>> };
    const locked = packages["node_modules/onceonly"];
    return locked === undefined ? [] : [{ path, locked }];
  });

it("finds the lock files that have the package", () => {
  expect(lockedPackages.map(({ path }) => path)).toContain("test/runtimes/package-lock.json");
});

it.each(lockedPackages)("$path has the package's dependencies as they are", ({ locked }) => {
  expect(locked).toMatchObject({ dependencies, peerDependencies });
});
