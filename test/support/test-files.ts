/** The test files, as paths from the root, and what they import. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("..", import.meta.url));

export const testFiles = (): string[] =>
  readdirSync(tests, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules"))
    .map((path) => join("test", path));

/** Those that do more in the long lane. */
export const scaledTests = (): string[] => testsReaching("support/scale.ts");

/** Those that import a file of `test`, or import one that does. */
export function testsReaching(path: string): string[] {
  const known = new Map([[join(tests, path), true]]);
  const reaches = (file: string): boolean => {
    const before = known.get(file);
    if (before !== undefined) return before;
    // For those that import each other.
    known.set(file, false);
    const found = importsOf(file).some(reaches);
    known.set(file, found);
    return found;
  };
  return testFiles().filter((file) => reaches(join(tests, "..", file)));
}

function importsOf(file: string): string[] {
  const imports = readFileSync(file, "utf8").matchAll(/^(?:import|.* from) "(\.[^"]+\.tsx?)"/gm);
  return (
    Array.from(imports, ([, path = ""]) => join(dirname(file), path))
      // Generated clients and sources ask nothing, and a text that a test writes is no import.
      .filter((path) => path.startsWith(tests) && !path.includes("/generated/") && existsSync(path))
  );
}
