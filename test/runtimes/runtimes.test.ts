/** Whatever bundles or starts a program: one deposit that is sent twice, on a database of its own. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSqlite } from "../support/database.ts";
import { type InstalledApp, install } from "../support/packed.ts";

let app: InstalledApp;
beforeAll(async () => {
  app = await install("test/runtimes");
  const schema = join(app.folder, "app/schema.prisma");
  appendFileSync(schema, readFileSync("prisma/sqlite/idempotency.prisma"));
  await app.run("prisma/build/index.js", ["generate", "--schema", schema], {
    CHECKPOINT_DISABLE: "1",
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  });
}, 1_800_000);
afterAll(() => app[Symbol.dispose]());

interface Runtime {
  readonly name: string;
  /** What to run before, with Node. */
  readonly bundle?: readonly string[];
  readonly start: readonly string[];
}

const binary = (path: string) => `node_modules/${path}`;
const bundled = (name: string, file: string): Runtime => ({
  name,
  bundle: ["app/bundle.js", name],
  start: [process.execPath, `app/bundled/${file}`],
});

const runtimes: Runtime[] = [
  { name: "Node.js, import", start: [process.execPath, "app/main.js"] },
  { name: "Node.js, require", start: [process.execPath, "app/main.cjs"] },
  bundled("esbuild", "esbuild.cjs"),
  bundled("webpack", "webpack.cjs"),
  bundled("vite", "vite.mjs"),
  {
    name: "Jest",
    start: [process.execPath, "--experimental-vm-modules", binary("jest/bin/jest.js"), "app/deposit.test.js"],
  },
  {
    name: "Bun",
    start: [binary(`@oven/bun-${process.platform}-${process.arch}/bin/bun`), "app/main.js"],
  },
  {
    name: "Deno",
    start: [binary(`@deno/${process.platform}-${process.arch}-glibc/deno`), "run", "-A", "app/deno.ts"],
  },
];

it.each(runtimes)("$name executes a deposit once", async ({ bundle, start: [command = "", ...args] }) => {
  await using database = await openSqlite();
  await database.query(`INSERT INTO "Account" ("id", "balance") VALUES ('ada', 0)`);
  if (bundle) await app.execute(process.execPath, bundle);
  const printed = await app.execute(command, args, { DATABASE_URL: database.url });
  const told = /^\{.*\}$/m.exec(printed)?.[0] ?? printed;
  expect(JSON.parse(told)).toEqual({
    answers: ['{"id":"ada","balance":5} executed', '{"id":"ada","balance":5} true'],
    balance: 5,
  });
  expect(await database.query(`SELECT "balance" FROM "Account"`)).toEqual([{ balance: 5 }]);
});
