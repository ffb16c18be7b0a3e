/** Applications that are installed by a lock file of their own would lack what the package has come to depend on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Manifest {
  dependencies?: object;
}

const read = <T>(path: string) => JSON.parse(readFileSync(path, "utf8")) as T;

const locks = ["bench", "examples", "test/runtimes"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("package-lock.json") && !path.includes("node_modules"))
    .map((path) => join(folder, path)),
);

test.each(locks)("%s knows the dependencies of the package", (path) => {
  const { packages } = read<{ packages: Record<string, Manifest> }>(path);
  expect(packages["node_modules/onceonly"]?.dependencies).toEqual(
    read<Manifest>("package.json").dependencies,
  );
});
