import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { CliError } from "../../../src/cli/cli-error.ts";
import { type InitOptions, init } from "../../../src/cli/init/init.ts";
import { applications, write } from "./applications.ts";

const schema = applications[0]?.files["prisma/schema.prisma"] ?? "";
const record = (fields: string, rest = "") =>
  `\nmodel IdempotencyRecord {\n  id String @id\n${fields}${rest}}\n`;

interface Case {
  readonly of: string;
  readonly files: Readonly<Record<string, string>>;
  readonly options?: Omit<InitOptions, "cwd">;
  readonly says: string | RegExp;
}

const cases: readonly Case[] = [
  {
    of: "no schema",
    files: { "package.json": "{}" },
    says:
      "No Prisma schema was found: no Prisma config names one, and there is no schema.prisma or " +
      "prisma/schema.prisma. Run this where `npx prisma validate` works, or say where the schema is: --schema <path>.",
  },
  {
    of: "no schema here, but one in a package",
    files: { "package.json": "{}", "packages/db/prisma/schema/a.prisma": schema },
    says: /There is packages\/db\/prisma\/schema: give it by --schema\.$/,
  },
  {
    of: "two schemas",
    files: { "schema.prisma": schema, "prisma/schema.prisma": schema },
    says: "There are two schemas, schema.prisma and prisma/schema.prisma. Say which by --schema.",
  },
  {
    of: "a path without a schema",
    files: { "schema.prisma": schema },
    options: { schema: "db/schema.prisma" },
    says: "There is no db/schema.prisma, where --schema says that the Prisma schema is.",
  },
  {
    of: "an empty path",
    files: { "schema.prisma": schema },
    options: { schema: "" },
    says: "--schema is empty. Give the path of a file or a folder, or leave it out.",
  },
  {
    of: "a folder whose only schemas are those of packages",
    files: { "node_modules/onceonly/prisma/sqlite/idempotency.prisma": schema },
    options: { schema: "." },
    says: "The folder ., which --schema names, has no *.prisma files.",
  },
  {
    of: "a config that names no file",
    files: { "prisma.config.ts": 'export default { schema: "away" };', "schema.prisma": schema },
    says: "There is no away, where prisma.config.ts says that the Prisma schema is.",
  },
  {
    of: "a folder without schemas",
    files: { "prisma/readme.md": "" },
    options: { schema: "prisma" },
    says: "The folder prisma, which --schema names, has no *.prisma files.",
  },
  {
    of: "a config that needs a variable",
    files: {
      "prisma.config.ts":
        'import { defineConfig, env } from "prisma/config";\nexport default defineConfig({ datasource: { url: env("INIT_TEST_URL") } });\n',
      "schema.prisma": schema,
    },
    says: "prisma.config.ts could not be read (Cannot resolve environment variable: INIT_TEST_URL): set what it needs, or give the schema by --schema.",
  },
  {
    of: "a config that is no program",
    files: { "prisma.config.ts": "export default {", "schema.prisma": schema },
    says: /^prisma\.config\.ts could not be read \(.+\): set what it needs, or give the schema by --schema\.$/,
  },
  {
    of: "a config whose schema is no path",
    files: { "prisma.config.js": "module.exports = { schema: 7 };", "schema.prisma": schema },
    says: "The schema in prisma.config.js is no path. Give one by --schema.",
  },
  {
    of: "a package.json that is not JSON",
    files: { "package.json": "{,", "schema.prisma": schema, "node_modules/.package-lock.json": "{}" },
    says: "package.json is not JSON. Give the schema by --schema.",
  },
  {
    of: "a model of that name",
    files: { "schema.prisma": schema + record("  userId Int\n") },
    says: /^schema\.prisma has the model IdempotencyRecord, which is not that of onceonly: rename yours, in Prisma alone if its table is to stay \(@@map\)\.$/,
  },
  {
    of: "an enum of that name, in another file",
    files: { "prisma/a.prisma": schema, "prisma/b.prisma": "enum IdempotencyStep {\n  A\n}\n" },
    options: { schema: "prisma" },
    says: /^prisma\/b\.prisma has the enum IdempotencyStep, which is not that of onceonly/,
  },
  {
    of: "our model, of another version",
    files: {
      "schema.prisma": schema + record("  operation String\n  fingerprint String\n  expiresAt DateTime\n"),
    },
    says:
      "The model IdempotencyRecord in schema.prisma lacks scope, key, status, owner, attempt, lockedUntil, response, input, createdAt, " +
      "completedAt: copy that from node_modules/onceonly/prisma/sqlite/idempotency.prisma.",
  },
  {
    of: "a model with our table",
    files: { "schema.prisma": `${schema}\nmodel idempotency_step {\n  id Int @id\n}\n` },
    says:
      "The model idempotency_step in schema.prisma has the table idempotency_step, which the model IdempotencyStep of onceonly " +
      "needs: remove it, if it came from `prisma db pull`, or give it another table.",
  },
  {
    of: "a model with our table under another name",
    files: { "schema.prisma": `${schema}\nmodel Other {\n  id Int @id\n  @@map("idempotency_record")\n}\n` },
    says: /^The model Other in schema\.prisma has the table idempotency_record/,
  },
  {
    of: "a database that is not supported",
    files: { "schema.prisma": schema.replace('"sqlite"', '"mongodb"') },
    says: 'schema.prisma says provider "mongodb", and onceonly has models for postgresql, sqlite and mysql (MariaDB).',
  },
  {
    of: "a provider that the option does not know",
    files: { "schema.prisma": schema },
    options: { provider: "toString" },
    says: '--provider says provider "toString", and onceonly has models for postgresql, sqlite and mysql (MariaDB).',
  },
  {
    of: "another provider than the option's",
    files: { "schema.prisma": schema },
    options: { provider: "postgresql" },
    says: "--provider says postgresql, and the datasource of schema.prisma sqlite: leave the option out.",
  },
  {
    of: "a datasource without a provider",
    files: { "schema.prisma": 'datasource db {\n  // provider = "sqlite"\n  url = env("DATABASE_URL")\n}\n' },
    says: "The datasource of schema.prisma names no provider. Write one there, or give one by --provider.",
  },
  {
    of: "no datasource",
    files: { "prisma/models/user.prisma": "model User {\n  id Int @id\n}\n" },
    options: { schema: "prisma/models/user.prisma" },
    says: "prisma/models/user.prisma has no datasource: give the whole schema by --schema, a folder if it has several files.",
  },
  {
    of: "two datasources",
    files: { "a/1.prisma": schema, "a/2.prisma": schema },
    options: { schema: "a" },
    says: "a has more than one datasource, and Prisma takes one.",
  },
  {
    of: "a database schema that the datasource does not have",
    files: {
      "schema.prisma": schema.replace(
        'provider = "sqlite"',
        'provider = "postgresql"\n  schemas = ["a", "b"]',
      ),
    },
    options: { dbSchema: "c" },
    says: "--db-schema says c, and the datasource of schema.prisma has the schemas a, b: add it there.",
  },
  {
    of: "a database schema where there are none",
    files: { "schema.prisma": schema },
    options: { dbSchema: "c" },
    says: "--db-schema says c, and the datasource of schema.prisma names no schemas: add it there.",
  },
  {
    of: "a block without an end",
    files: { "schema.prisma": `${schema}\nmodel A {\n  id Int @id` },
    says: /^schema\.prisma is not a Prisma schema: in line \d+ begins the model A, and nothing ends it\.$/,
  },
  {
    of: "a block without a name",
    files: { "schema.prisma": `model {\n}\n${schema}` },
    says: "schema.prisma is not a Prisma schema: in line 1 begins a model without a name or a brace.",
  },
  {
    of: "a keyword and nothing after it",
    files: { "schema.prisma": `${schema}\nmodel` },
    says: /begins a model without a name or a brace\.$/,
  },
  {
    of: "something else",
    files: { "schema.prisma": '{ "name": "shop" }' },
    says: "schema.prisma is not a Prisma schema: in line 1 { stands where a block should begin.",
  },
];

async function refusalOf(folder: string, options: Case["options"]): Promise<string> {
  const end: unknown = await init({ cwd: folder, ...options }).catch((error: unknown) => error);
  if (end instanceof CliError) return end.message.replaceAll(`${folder}/`, "");
  throw new Error("expected a CliError", { cause: end });
}

describe("init refuses, and changes nothing for", () => {
  test.each(cases)("$of", async ({ files, options, says }) => {
    using app = write(files);
    const message = await refusalOf(app.folder, options);
    if (typeof says === "string") expect(message).toBe(says);
    else expect(message).toMatch(says);
    expect(app.files()).toEqual(files);
  });

  test("a file, or a folder, that it may not write", async () => {
    using file = write({ "schema.prisma": schema });
    using folder = write({ "prisma/schema.prisma": schema });
    chmodSync(join(file.folder, "schema.prisma"), 0o444);
    chmodSync(join(folder.folder, "prisma"), 0o555);
    chmodSync(file.folder, 0o755);
    chmodSync(folder.folder, 0o755);
    await asNobody(async () => {
      expect(await refusalOf(file.folder, {})).toBe(
        "schema.prisma could not be written (EACCES): it must be writable, and the disk must have room.",
      );
      expect(await refusalOf(folder.folder, { schema: "prisma" })).toBe(
        "prisma/idempotency.prisma could not be written (EACCES): it must be writable, and the disk must have room.",
      );
    });
    chmodSync(join(folder.folder, "prisma"), 0o755);
    expect([file.files(), folder.files()]).toEqual([
      { "schema.prisma": schema },
      { "prisma/schema.prisma": schema },
    ]);
  });

  test("a disk that takes only a part of what is to be written", async () => {
    using app = write({ "schema.prisma": schema });
    const program = `import { init } from ${JSON.stringify(new URL("../../../src/cli/init/init.ts", import.meta.url).href)};
      await init({ cwd: process.cwd() }).catch((error) => console.log(error.message));`;
    // Files of 2 KiB at most: less than the models take.
    const command = `ulimit -f 2; exec "$0" --import "$1" --input-type=module -e "$2"`;
    const { stdout } = await promisify(execFile)(
      "bash",
      ["-c", command, process.execPath, import.meta.resolve("tsx"), program],
      { cwd: app.folder },
    );
    expect(stdout.trim()).toBe(
      "schema.prisma could not be written (EFBIG): it must be writable, and the disk must have room.",
    );
    expect(app.files()).toEqual({ "schema.prisma": schema });
  });

  test("a file that it may not read", async () => {
    using app = write({ "schema.prisma": schema });
    chmodSync(app.folder, 0o755);
    chmodSync(join(app.folder, "schema.prisma"), 0o000);
    await asNobody(async () =>
      expect(await refusalOf(app.folder, {})).toBe("schema.prisma could not be read (EACCES)."),
    );
  });
});

/** Root may write everything. */
async function asNobody(work: () => Promise<unknown>): Promise<void> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}
