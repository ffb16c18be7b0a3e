/** Generates the tests' Prisma clients once more, with Prisma 6; vitest runs this before the suite. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const seven = join(here, "../../support/generated");
const generated = join(here, "generated");

/** Prisma 6 wants an address in the schema, though an adapter connects, and has to be told to do without its Rust engine. */
function toPrisma6(schema: string, output: string): string {
  return schema
    .replace(/^datasource \w+ \{/m, '$&\n  url = "unused"')
    .replace(/^generator \w+ \{/m, '$&\n  engineType = "client"')
    .replace(/^(\s*output\s*=\s*).*$/m, (_, start: string) => start + JSON.stringify(output));
}

async function generate(name: string): Promise<void> {
  const from = join(seven, ".schemas", name);
  const folder = join(generated, ".schemas", name);
  const files = readdirSync(from).map((file) => ({
    path: join(folder, file),
    text: toPrisma6(readFileSync(join(from, file), "utf8"), `../../${name}`),
  }));
  const upToDate = files.every(({ path, text }) => existsSync(path) && readFileSync(path, "utf8") === text);
  if (upToDate && existsSync(join(generated, name))) return;

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { path, text } of files) writeFileSync(path, text);
  const cli = join(here, "node_modules/prisma/build/index.js");
  // Any executable does: generating never starts the engine, but Prisma would download it.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" };
  await promisify(execFile)(process.execPath, [cli, "generate", "--schema", folder], { cwd: here, env });
}

export default async function setup(): Promise<void> {
  if (!existsSync(seven)) throw new Error("Run `npm run generate` first.");
  const names = readdirSync(seven).filter((name) => !name.startsWith("."));
  await Promise.all(names.map(generate));
}
