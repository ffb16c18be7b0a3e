/** Applications that are installed by a lock file of their own would lack what the package has come to depend on. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

interface Manifest {
  dependencies?: object;
  peerDependencies?: object;
}

const read = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

const locks = ["bench", "examples", "test/runtimes"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("package-lock.json") && !path.includes("node_modules"))
    .map((path) => join(folder, path)),
);

const { dependencies, peerDependencies } = read("package.json") as Manifest;

test.each(locks)("%s knows the dependencies of the package", (path) => {
  const { packages } = read(path) as { packages: Record<string, Manifest> };
  expect(packages["node_modules/onceonly"]).toMatchObject({ dependencies, peerDependencies });
});
