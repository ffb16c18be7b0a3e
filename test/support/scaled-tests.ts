/** The test files, and those that do more in the long lane: they reach scale.ts by their imports. Paths from the root. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("..", import.meta.url));
const SCALE = fileURLToPath(new URL("scale.ts", import.meta.url));
const known = new Map<string, boolean>();

function isScaled(file: string): boolean {
  if (file === SCALE) return true;
  const before = known.get(file);
  if (before !== undefined) return before;
  // For those that import each other.
  known.set(file, false);
  const imports = readFileSync(file, "utf8").matchAll(/ from "(\.[^"]+\.tsx?)"/g);
  const found = Array.from(imports, ([, path = ""]) => join(dirname(file), path))
    // Generated clients and sources ask nothing, and a text that a test writes is no import.
    .filter((path) => path.startsWith(tests) && !path.includes("/generated/") && existsSync(path))
    .some(isScaled);
  known.set(file, found);
  return found;
}

export const testFiles = (): string[] =>
  readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules"))
    .map((path) => join("test", path));

export const scaledTests = (): string[] => testFiles().filter((path) => isScaled(join(tests, "..", path)));
