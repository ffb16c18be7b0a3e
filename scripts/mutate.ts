/**
 * Changes the code of `core` and `prisma` in one place after another, and says which changes no test notices
 * (docs/internals/mutation-testing.md):
 *
 *     npm run mutate -- [adapter browser ...]
 *
 * Without names it takes all batches (test/mutation/batches.ts), which takes hours. Results are kept in reports/mutants, and the score is
 * of all that are there. Survivors with a reason (test/mutation/survivors.ts) are counted, not shown.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { BATCHES } from "../test/mutation/batches.ts";
import { reasonFor } from "../test/mutation/survivors.ts";

const KEPT = "reports/mutants";

interface Mutant {
  readonly file: string;
  readonly line: number;
  /** The line as it was. */
  readonly code: string;
  readonly change: string;
  readonly status: string;
}

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.find((name) => !Object.hasOwn(BATCHES, name));
if (unknown !== undefined) {
  throw new Error(`there is no batch "${unknown}"; give some of ${Object.keys(BATCHES).join(", ")}`);
}
mkdirSync(KEPT, { recursive: true });
for (const [name, { mutate, tests, databases = "sqlite,postgresql" }] of Object.entries(BATCHES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  process.env["DATABASES"] = databases;
  // biome-ignore lint/performance/noAwaitInLoops: each batch takes the whole machine.
  const results = await new Stryker({ mutate: [...mutate], testFiles: [...tests] }).runMutationTest();
  const mutants = results.map(({ fileName, location, mutatorName, replacement, status }): Mutant => {
    const { line } = location.start;
    const code = readFileSync(fileName, "utf8").split("\n")[line - 1] ?? "";
    return {
      file: relative(".", fileName),
      line,
      code: code.trim(),
      change: `${mutatorName}: ${replacement.replaceAll(/\s+/g, " ")}`,
      status,
    };
  });
  writeFileSync(join(KEPT, `${name}.json`), JSON.stringify(mutants, undefined, 1));
}

const all = readdirSync(KEPT).flatMap(
  (name) => JSON.parse(readFileSync(join(KEPT, name), "utf8")) as Mutant[],
);
const isKilled = ({ status }: Mutant) => status === "Killed" || status === "Timeout";
const isAlive = ({ status }: Mutant) => status === "Survived" || status === "NoCoverage";
for (const mutant of all.filter(isAlive)) {
  const { file, line, code, change, status } = mutant;
  if (reasonFor(file, code) === undefined) console.log(`${status} ${file}:${line} ${change} in ${code}`);
}
const folders = new Map<string, Mutant[]>();
for (const mutant of all) {
  const folder = mutant.file.split("/").slice(1, 3).join("/");
  folders.set(folder, [...(folders.get(folder) ?? []), mutant]);
}
for (const [folder, mutants] of [...folders, ["all", all] as const]) {
  const [killed, alive] = [mutants.filter(isKilled).length, mutants.filter(isAlive)];
  const explained = alive.filter(({ file, code }) => reasonFor(file, code) !== undefined).length;
  const score = ((100 * killed) / (killed + alive.length)).toFixed(1);
  console.log(
    `${folder}: ${score} %, ${killed} killed, ${alive.length} alive, ${explained} of them for a known reason`,
  );
}
