import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { init } from "../../../src/cli/init/init.ts";
import { applications, write } from "./applications.ts";

const shipped = (provider: string) =>
  readFileSync(new URL(`../../../prisma/${provider}/idempotency.prisma`, import.meta.url), "utf8");

describe.each(applications)("init in an application with $name", (application) => {
  const { files, cwd = "", schema, provider, dbSchema } = application;
  const path = join(cwd, application.file);

  test("adds the models of the package, and changes nothing that is there", async () => {
    using app = write(files);
    const { lines, json, isNo } = await init({ cwd: join(app.folder, cwd), schema });
    const { [path]: changed = "", ...others } = app.files();
    const { [path]: before = "", ...othersBefore } = files;
    expect(others).toEqual(othersBefore);
    expect(changed.startsWith(before)).toBe(true);

    const lineEnd = before.includes("\r\n") ? "\r\n" : "\n";
    const added = changed.slice(before.length);
    expect(added.replaceAll(lineEnd, "")).not.toMatch(/[\r\n]/);
    const inSchema = dbSchema === undefined ? "" : `  @@schema("${dbSchema}")\n`;
    const expected = shipped(provider).replaceAll(/^\}\n/gm, `${inSchema}}\n`);
    expect(added.trimStart()).toBe(expected.replaceAll("\n", lineEnd));
    // An empty line stands between.
    expect(/(?:\r?\n)*$/.exec(before)?.[0] + added.slice(0, -added.trimStart().length)).toBe(
      before === "" ? "" : lineEnd + lineEnd,
    );

    expect(json).toMatchObject({
      provider,
      file: application.file,
      models: ["IdempotencyRecord", "IdempotencyStep"],
      dbSchema: dbSchema ?? null,
    });
    expect([isNo, lines[0]]).toEqual([
      false,
      `Added the models IdempotencyRecord and IdempotencyStep to ${application.file}${
        dbSchema === undefined
          ? ""
          : `, in the database schema ${dbSchema} (of shop, audit: --db-schema takes another)`
      }.`,
    ]);
  });

  test("says the second time that nothing is to be done", async () => {
    using app = write(files);
    await init({ cwd: join(app.folder, cwd), schema });
    const once = app.files();
    const { lines, json, isNo } = await init({ cwd: join(app.folder, cwd), schema });
    expect(app.files()).toEqual(once);
    expect([isNo, json.models, json.file]).toEqual([false, [], null]);
    expect(lines).toEqual([`The models are in ${application.schemaPath} already: nothing was changed.`]);
  });
});

const [one] = applications;
const base = one?.files["prisma/schema.prisma"] ?? "";

describe("init", () => {
  test("says what to run next, with the schema that it was given", async () => {
    using app = write({ "a b/app.prisma": base });
    const { json, lines } = await init({ cwd: app.folder, schema: "a b/app.prisma" });
    expect(json.next).toEqual([
      'npx prisma migrate dev --name idempotency --schema "a b/app.prisma"   (or: npx prisma db push --schema "a b/app.prisma")',
      'npx prisma generate --schema "a b/app.prisma"',
    ]);
    expect(lines.slice(1)).toEqual(["Next:", ...json.next.map((step) => `  ${step}`)]);
  });

  test("names the SQL of the package on MariaDB, whose collations a schema cannot say", async () => {
    using app = write({ "schema.prisma": base.replace('"sqlite"', '"mysql"') });
    const { json } = await init({ cwd: app.folder });
    expect(json.next.join("\n")).toContain("--create-only");
    expect(json.next.join("\n")).toContain("npx onceonly upgrade");
    expect(json.next.join("\n")).toContain("node_modules/onceonly/prisma/mariadb/idempotency.sql");
  });

  test("adds the model alone that is missing: tables of before there were steps", async () => {
    const record = shipped("sqlite").replace(/\n\/\/\/ One row for each finished step[^]*/, "");
    using app = write({ "schema.prisma": `${base}\n${record}` });
    const { lines, json } = await init({ cwd: app.folder });
    expect([lines[0], json.models]).toEqual([
      "Added the model IdempotencyStep to schema.prisma.",
      ["IdempotencyStep"],
    ]);
    expect(app.files()["schema.prisma"]).toBe(`${base}\n${shipped("sqlite")}`);
  });

  test("finds the models as the application has renamed their tables and columns", async () => {
    const renamed = shipped("sqlite").replaceAll('@map("', '@map("our_').replaceAll("String  ", "String");
    using app = write({ "schema.prisma": `${base}\n${renamed}` });
    expect((await init({ cwd: app.folder })).json.models).toEqual([]);
  });

  test("adds to a file of that name in the folder", async () => {
    const files = { "prisma/a.prisma": base, "prisma/idempotency.prisma": "// ours, some day" };
    using app = write(files);
    const { json } = await init({ cwd: app.folder, schema: "prisma" });
    expect(json.file).toBe("prisma/idempotency.prisma");
    expect(app.files()["prisma/idempotency.prisma"]).toBe(`// ours, some day\n\n${shipped("sqlite")}`);
  });

  test("takes the database schema and the provider that are asked for", async () => {
    const two = base.replace(
      'provider = "sqlite"',
      'provider = "postgres"\n  schemas = [\n    "a", // first\n    "b"\n  ]',
    );
    using app = write({ "schema.prisma": two });
    const { json } = await init({ cwd: app.folder, dbSchema: "b", provider: "postgresql" });
    expect(json).toMatchObject({ dbSchema: "b", provider: "postgresql" });
    expect(app.files()["schema.prisma"]?.match(/@@schema\("b"\)/g)).toHaveLength(2);

    using silent = write({ "schema.prisma": base.replace('  provider = "sqlite"\n', "") });
    expect((await init({ cwd: silent.folder, provider: "mysql" })).json.provider).toBe("mariadb");
  });

  test("takes a byte order mark, comments and texts for what they are", async () => {
    const odd = `\uFEFF/* datasource no {} */\n// model IdempotencyRecord {\n${base}\n/// model IdempotencyRecord {\nmodel Odd {\n  id Int @id // }\n  a String @default("} \\" {") /* } */\n}`;
    using app = write({ "schema.prisma": odd });
    await init({ cwd: app.folder });
    expect(app.files()["schema.prisma"]).toBe(`${odd}\n\n${shipped("sqlite")}`);
  });

  test("goes by package.json where Prisma does: up to 6, and where none is installed", async () => {
    const files = {
      "package.json": '{ "prisma": { "schema": "database/app.prisma" } }',
      "database/app.prisma": base,
      "prisma/schema.prisma": base,
    };
    const withPrisma = (version: string) => ({
      ...files,
      "node_modules/prisma/package.json": JSON.stringify({ name: "prisma", version }),
    });
    using six = write(withPrisma("6.19.3"));
    using seven = write(withPrisma("7.10.0"));
    using none = write({ ...files, "node_modules/.package-lock.json": "{}", "src/a.ts": "" });
    expect((await init({ cwd: six.folder })).json.file).toBe("database/app.prisma");
    expect((await init({ cwd: seven.folder })).json.file).toBe("prisma/schema.prisma");
    // From a folder within, as Prisma does.
    expect((await init({ cwd: join(none.folder, "src") })).json.file).toBe("../database/app.prisma");
  });

  test("takes the usual place where the config names no schema", async () => {
    using app = write({
      "prisma7.config.js": "export default { migrations: {} };\n",
      "prisma/schema.prisma": base,
    });
    expect((await init({ cwd: app.folder })).json.file).toBe("prisma/schema.prisma");
  });
});
