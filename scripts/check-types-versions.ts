/**
 * Compiles the built declarations, and test/compat/typescript/consumer.ts over them, with the other TypeScripts that users have.
 * Errors in the declarations of others are not our business.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const folder = "test/compat/typescript";
const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
  dependencies: Readonly<Record<string, string>>;
};

if (existsSync(join(folder, "node_modules"))) {
  const problems = (await Promise.all(Object.keys(dependencies).map(problemsIn))).flat();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
  else console.log(`types: compile with ${Object.values(dependencies).join(" and ").replaceAll("npm:", "")}`);
} else {
  console.error(
    `LEFT OUT: other versions of TypeScript. To run them: npm ci --ignore-scripts --prefix ${folder}`,
  );
  if (process.env["CI"]) process.exitCode = 1;
}

function problemsIn(name: string): Promise<string[]> {
  const tsc = join(folder, "node_modules", name, "bin/tsc");
  return new Promise((resolve) => {
    execFile(process.execPath, [tsc, "-p", folder, "--pretty", "false"], (error, stdout) => {
      const messages = stdout.split("\n").filter((line) => line !== "");
      const ours = messages.filter((line) => !line.includes("node_modules"));
      // It may have failed without a word, for want of its binary.
      const broken = error !== null && messages.length === 0 ? [error.message] : [];
      resolve([...ours, ...broken].map((problem) => `${name}: ${problem}`));
    });
  });
}
