/**
 * Makes ready what the benchmark runs on: its packages, the freshly built onceonly among them, and its Prisma clients.
 * What is up to date is left alone, so that it can be run after each change of the sources.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const bench = fileURLToPath(new URL(".", import.meta.url));
const root = join(bench, "..");
const read = (path: string) => readFileSync(path, "utf8");

function hashOf(...texts: string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex");
}

/** Runs `make` unless the stamp in `folder` is that of the same inputs. */
function unlessUpToDate(folder: string, hash: string, make: () => void): void {
  const stamp = join(folder, "inputs.sha256");
  if (existsSync(stamp) && read(stamp) === hash) return;
  make();
  writeFileSync(stamp, hash);
}

function installPackages(): void {
  const modules = join(bench, "node_modules");
  unlessUpToDate(
    modules,
    hashOf(read(join(bench, "package-lock.json")), read(join(root, "package.json"))),
    () => {
      const command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
      execFileSync("npm", command, { cwd: bench, stdio: ["ignore", "ignore", "inherit"] });
    },
  );
  // npm has packed onceonly as it was then. What it publishes is replaced by what was just built.
  for (const folder of ["dist", "prisma"]) {
    const target = join(modules, "onceonly", folder);
    rmSync(target, { recursive: true, force: true });
    cpSync(join(root, folder), target, { recursive: true });
  }
}

function generateClient(provider: string): void {
  const app = read(join(bench, "schema", `${provider}.prisma`));
  const models = read(join(root, "prisma", provider, "idempotency.prisma"));
  const output = join(bench, "generated", provider);
  unlessUpToDate(output, hashOf(app, models, read(join(bench, "package-lock.json"))), () => {
    const folder = join(bench, "generated", ".schemas", provider);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const generator = `generator client {
  provider            = "prisma-client"
  moduleFormat        = "esm"
  importFileExtension = "ts"
  output              = "../../${provider}"
}
`;
    writeFileSync(join(folder, "schema.prisma"), generator + app);
    writeFileSync(join(folder, "idempotency.prisma"), models);
    const cli = createRequire(import.meta.url).resolve("prisma/build/index.js");
    // Any executable will do: generating never starts the engine, but Prisma would download it.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" };
    const command = [cli, "generate", "--schema", folder, "--no-hints"];
    execFileSync(process.execPath, command, { cwd: bench, env, stdio: ["ignore", "ignore", "pipe"] });
  });
}

installPackages();
for (const file of readdirSync(join(bench, "schema"))) {
  if (file.endsWith(".prisma")) generateClient(file.replace(".prisma", ""));
}
