/** The benchmark: everybody in turn, in one run. `npm run bench -- --help` says what it takes. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { removeAll } from "./databases/removal.ts";
import { measure } from "./measure.ts";
import { writePage } from "./report/write.ts";
import { readSettings, UsageError } from "./settings.ts";
import { printSummary } from "./summary.ts";

// From the root's folder, tsx would go by its tsconfig and take the sources for the package.
if (!import.meta.resolve("onceonly").includes("/node_modules/onceonly/dist/")) {
  throw new Error("onceonly is not the built package: run the benchmark by `npm run bench`");
}
// As what is measured runs: with the checks of development left out, in the processes that are started from here too.
process.env["NODE_ENV"] ??= "production";
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    interrupted = true;
    void removeAll().finally(() => process.exit(130));
  });
}
// What runs meanwhile loses its database.
process.on("uncaughtException", (thrown) => {
  if (interrupted) return;
  console.error(thrown);
  void removeAll().finally(() => process.exit(1));
});
try {
  const settings = readSettings(process.argv.slice(2));
  const results = await measure(settings, (line) => console.error(line));
  if (settings.json !== undefined) {
    // npm has changed the folder; a path is meant from where it was called.
    const path = resolve(process.env["INIT_CWD"] ?? "", settings.json);
    writeFileSync(path, `${JSON.stringify(results, null, 1)}\n`);
  }
  if (settings.docs) writePage(results);
  printSummary(results, (line) => console.log(line));
  // A contender that executes twice is a finding; onceonly doing so is a failure.
  const ok = results.failed.length === 0 && !results.wrong.some((line) => line.startsWith("onceonly"));
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  if (error instanceof UsageError) {
    console.error(error.message);
    process.exitCode = 2;
  } else if (!interrupted) {
    throw error;
  }
}
