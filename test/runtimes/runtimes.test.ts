/** Whatever bundles or starts a program: deposits that are sent twice, on a database of its own. */
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { onPostgres, openPostgres, openSqlite, type TestDatabase } from "../support/database.ts";
import { type InstalledApp, install, WITHOUT_NETWORK } from "../support/packed.ts";

let app: InstalledApp;
beforeAll(async () => {
  app = await install("test/runtimes");
  for (const provider of ["sqlite", "postgresql"]) {
    const schema = join(app.folder, `app/${provider}.prisma`);
    appendFileSync(schema, readFileSync(`prisma/${provider}/idempotency.prisma`));
    await app.run("prisma/build/index.js", ["generate", "--schema", schema], WITHOUT_NETWORK);
  }
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

const ONCE = {
  answers: [
    '{"id":"ada","balance":5} executed',
    '{"id":"ada","balance":5} true',
    '{"id":"ada","balance":10} executed',
    '{"id":"ada","balance":10} true',
  ],
  balance: 10,
  stored: [{ balance: 10 }],
};

it.each(runtimes)("$name executes each deposit once", async (runtime) => {
  await using database = await openSqlite();
  expect(await deposits(runtime, database)).toEqual(ONCE);
});

it.runIf(onPostgres)("workerd executes each deposit once", async () => {
  await using database = await openPostgres();
  const start = [binary("workerd/bin/workerd"), "test", "app/workerd.capnp"];
  const workerd = { name: "workerd", bundle: ["app/bundle.js", "workerd"], start };
  expect(await deposits(workerd, database)).toEqual(ONCE);
});

/** What the program told, and what it left in the database. */
async function deposits({ bundle, start: [command = "", ...args] }: Runtime, database: TestDatabase) {
  await database.query(`INSERT INTO "Account" ("id", "balance") VALUES ('ada', 0)`);
  if (bundle) await app.execute(process.execPath, bundle);
  const printed = await app.execute(command, args, { DATABASE_URL: database.url });
  const told = JSON.parse(/^\{.*\}$/m.exec(printed)?.[0] ?? printed) as object;
  return { ...told, stored: await database.query(`SELECT "balance" FROM "Account"`) };
}
