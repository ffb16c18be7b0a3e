/** Generates the Prisma clients of tests and examples once more, with Prisma 6; vitest runs this before the suite. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { prismaFrom } from "../prisma-from.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const seven = join(here, "../../support/generated/.schemas");
const generated = join(here, "generated");
const { relocate } = prismaFrom(here);

const OUTPUT = /^(\s*output\s*=\s*)"(.*)"$/gm;

/** Prisma 6 wants an address in the schema, though an adapter connects, and has to be told to do without its Rust engine. */
function toPrisma6(schema: string, from: string, folder: string): string {
  return schema
    .replace(/^datasource \w+ \{/m, '$&\n  url = "unused"')
    .replace(/^generator client \{/m, '$&\n  engineType = "client"')
    .replaceAll(OUTPUT, (_, start: string, output: string) => {
      const path = relative(folder, relocate(resolve(from, output)));
      return start + JSON.stringify(path.split(sep).join("/"));
    });
}

async function generate(name: string): Promise<void> {
  const from = join(seven, name);
  const folder = join(generated, ".schemas", name);
  const files = readdirSync(from).map((file) => ({
    path: join(folder, file),
    text: toPrisma6(readFileSync(join(from, file), "utf8"), from, folder),
  }));
  const upToDate = files.every(({ path, text }) => existsSync(path) && readFileSync(path, "utf8") === text);
  const done = join(generated, ".done", name);
  if (upToDate && existsSync(done)) return;

  for (const path of [folder, done]) rmSync(path, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { path, text } of files) writeFileSync(path, text);
  const cli = join(here, "node_modules/prisma/build/index.js");
  const env = {
    ...process.env,
    // Where further generators are found.
    PATH: join(here, "../../../node_modules/.bin") + delimiter + (process.env["PATH"] ?? ""),
    // Any executable does: generating never starts the engine, but Prisma would download it.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
  };
  await promisify(execFile)(process.execPath, [cli, "generate", "--schema", folder], { cwd: here, env });
  mkdirSync(done, { recursive: true });
}

export default async function setup(): Promise<void> {
  if (!existsSync(seven)) throw new Error("Run `npm run generate` first.");
  await Promise.all(readdirSync(seven).map(generate));
}
