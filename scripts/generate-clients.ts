/**
 * Generates the Prisma clients of the tests and the examples, skipping what is up to date.
 * Needs nothing outside npm: no schema engine is downloaded.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, delimiter, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemas = join(root, "test/support/schemas");
const generated = join(root, "test/support/generated");
const require = createRequire(import.meta.url);

interface SchemaFile {
  path: string;
  content: string;
}

interface Target {
  name: string;
  schema: string;
  output: string;
  /** Instead of the schema's own. */
  provider?: string;
}

/** Examples whose tests run on PostgreSQL too, with a client that only the tests need. */
const onPostgres = ["payments", "pothos", "services", "t3"];

function targets(): Target[] {
  const all: Target[] = readdirSync(schemas)
    .filter((file) => file.endsWith(".prisma"))
    .map((file) => {
      const name = basename(file, ".prisma");
      return { name, schema: join(schemas, file), output: join(generated, name) };
    });
  for (const name of readdirSync(join(root, "examples"))) {
    const example = join(root, "examples", name);
    if (existsSync(join(example, "schema.prisma"))) {
      all.push({ name, schema: join(example, "schema.prisma"), output: join(example, "generated") });
    }
  }
  for (const example of onPostgres) {
    const name = `${example}-postgresql`;
    const schema = join(root, "examples", example, "schema.prisma");
    all.push({ name, schema, output: join(generated, name), provider: "postgresql" });
  }
  const checkout = join(root, "examples/checkout");
  for (const provider of ["sqlite", "postgresql"]) {
    const schema = join(checkout, "prisma", provider, "schema.prisma");
    all.push({ name: `checkout-${provider}`, schema, output: join(checkout, "generated", provider) });
  }
  return all;
}

function generatorBlock(name: string, output: string): string {
  const lines = name.endsWith("-classic")
    ? [`provider = "prisma-client-js"`]
    : [`provider = "prisma-client"`, `moduleFormat = "esm"`, `importFileExtension = "ts"`];
  return `generator client {\n  ${lines.join("\n  ")}\n  output = ${JSON.stringify(output)}\n}\n`;
}

/** What a user's schema folder would hold: the app's schema and a copy of our model. */
function assemble({ name, schema, output, provider }: Target, folder: string): SchemaFile[] {
  // Relative, so that the generated client does not depend on where the repository lies.
  const outputPath = relative(folder, output).split(sep).join("/");
  let app = readFileSync(schema, "utf8").replaceAll("\r\n", "\n");
  // The first is the client's folder. Another generator may write into that.
  const own = /^\s*output\s*=\s*"(.*)"$/m.exec(app)?.[1] ?? "";
  app = app.replaceAll(
    /^(\s*output\s*=\s*)"(.*)"$/gm,
    (_, start: string, path: string) => start + JSON.stringify(path.replace(own, outputPath)),
  );
  if (provider !== undefined) {
    app = app.replace(/^(datasource [^}]*provider\s*=\s*)"\w+"/m, `$1"${provider}"`);
  }
  const files = [{ path: "schema.prisma", content: app }];
  if (!/^generator /m.test(app)) {
    files.push({ path: "generator.prisma", content: generatorBlock(name, outputPath) });
  }
  if (!/^model IdempotencyRecord /m.test(app)) {
    const model = join(root, "prisma", folderOf(providerOf(files)), "idempotency.prisma");
    files.push({ path: "idempotency.prisma", content: readFileSync(model, "utf8") });
  }
  return files;
}

function providerOf(files: SchemaFile[]): string {
  const provider = /^datasource [^}]*provider\s*=\s*"(\w+)"/m.exec(files[0]?.content ?? "")?.[1];
  if (provider === undefined) throw new Error("a schema names no datasource provider");
  return provider;
}

/** Prisma has one name for MariaDB and MySQL. */
const folderOf = (provider: string): string => (provider === "mysql" ? "mariadb" : provider);

async function prismaGenerate(folder: string): Promise<void> {
  const cli = require.resolve("prisma/build/index.js");
  const env = {
    ...process.env,
    // Where further generators are found.
    PATH: join(root, "node_modules/.bin") + delimiter + (process.env["PATH"] ?? ""),
    // Any executable will do: generating never starts the engine, but Prisma would download it.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    CHECKPOINT_DISABLE: "1",
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
  };
  const run = promisify(execFile)(process.execPath, [cli, "generate", "--schema", folder], {
    cwd: root,
    env,
  });
  await run.catch((error: { stdout?: string; stderr?: string }) => {
    throw new Error(`prisma generate failed for ${folder}\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  });
}

async function generate(target: Target): Promise<string> {
  const folder = join(generated, ".schemas", target.name);
  const files = assemble(target, folder);
  const version = readFileSync(require.resolve("prisma/package.json"), "utf8");
  const self = readFileSync(fileURLToPath(import.meta.url), "utf8");
  const hash = createHash("sha256")
    .update(JSON.stringify([files, version, self]))
    .digest("hex");
  const stamp = join(target.output, "inputs.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return `${target.name}: up to date`;

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeFileSync(join(folder, file.path), file.content);
  rmSync(target.output, { recursive: true, force: true });
  mkdirSync(dirname(target.output), { recursive: true });
  await prismaGenerate(folder);
  writeFileSync(stamp, hash);
  return `${target.name}: generated`;
}

for (const line of await Promise.all(targets().map(generate))) console.log(line);
