/** Applications as users write them, each on a database of its own, and the command line as a process in their folder. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createIdempotency, type Idempotency, type TransactionOf } from "../../src/index.ts";
import { bundled } from "../support/bundle.ts";
import type { TestClient } from "../support/clients.ts";
import { onPostgres, openPostgres, openSqlite, type TestDatabase } from "../support/database.ts";
import { withoutTestRunner } from "../support/packed.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestApp extends AsyncDisposable {
  readonly folder: string;
  readonly database: TestDatabase;
  /** Of this process, on the same database. */
  readonly idempotency: Idempotency<TransactionOf<TestClient>>;
  /** Writes a file of the application. */
  write(file: string, content: string): void;
  /** Runs the command to its end, without a terminal. */
  onceonly(...args: readonly string[]): Promise<Ended>;
  start(
    args: readonly string[],
    options?: { env?: Readonly<Record<string, string | undefined>>; folder?: string },
  ): ChildProcessWithoutNullStreams;
  /** What a shell would be given. */
  commandLine(...args: readonly string[]): string;
}

/** Two kinds of application: a module of TypeScript with Prisma's new generator, and CommonJS with its old one. */
const KINDS = {
  sqlite: {
    open: openSqlite,
    files: {
      "package.json": '{ "type": "module" }',
      "tsconfig.json": '{ "compilerOptions": { "paths": { "~/*": ["./src/*"] } } }',
      "onceonly.config.ts": `
        import type { CliConfig } from "ONCEONLY";
        export default {
          idempotency: () => import("./src/server/idempotency.ts").then(({ idempotency }) => idempotency),
          close: () => import("./src/server/db.ts").then(({ prisma }) => prisma.$disconnect()),
        } satisfies CliConfig;`,
      "src/server/idempotency.ts": `
        import "server-only";
        import { createIdempotency } from "ONCEONLY";
        import { prisma } from "~/server/db.ts";
        console.log("the application says hello");
        export const idempotency = createIdempotency({ prisma });`,
      "src/server/db.ts": `
        import { PrismaLibSql } from "@prisma/adapter-libsql";
        import { PrismaClient } from "CLIENT/sqlite/client.ts";
        export const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: process.env["DATABASE_URL"] ?? "" }) });`,
    },
  },
  postgresql: {
    open: () => openPostgres({ variant: "classic" }),
    files: {
      "package.json": "{}",
      "onceonly.config.js": `
        const { prisma, idempotency } = require("./server/idempotency");
        module.exports = { idempotency, close: () => prisma.$disconnect() };`,
      "server/idempotency.js": `
        const { PrismaPg } = require("@prisma/adapter-pg");
        const { PrismaClient } = require("CLIENT/postgresql-classic");
        const { createIdempotency } = require("ONCEONLY");
        const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) });
        exports.prisma = prisma;
        exports.idempotency = createIdempotency({ prisma });`,
    },
  },
} as const;

export type AppKind = keyof typeof KINDS;

/** Opens an application with its database. Its folder is inside of the repository, or its packages would not be found. */
export async function openApp(kind: AppKind): Promise<TestApp> {
  const { open, files } = KINDS[kind];
  const database = await open();
  const generated = join(root, "test/cli/generated");
  mkdirSync(generated, { recursive: true });
  const folder = mkdtempSync(join(generated, `${kind}-`));
  const onceonly = fileURLToPath(bundled(new URL("../../src/index.ts", import.meta.url)));
  const command = fileURLToPath(bundled(new URL("../../src/cli/index.ts", import.meta.url)));
  const app: TestApp = {
    folder,
    database,
    idempotency: createIdempotency({ prisma: database.prisma }),
    write(file, content) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      const clients = relative(dirname(path), join(root, "test/support/generated"));
      writeFileSync(path, content.replaceAll("ONCEONLY", onceonly).replaceAll("CLIENT", clients));
    },
    onceonly: (...args) => ended(app.start(args)),
    start: (args, { env = {}, folder: cwd = folder } = {}) =>
      spawn(process.execPath, [command, ...args], {
        cwd,
        env: {
          ...withoutTestRunner(),
          DATABASE_URL: database.url,
          FORCE_COLOR: undefined,
          NO_COLOR: undefined,
          ...env,
        },
      }),
    commandLine: (...args) => [process.execPath, command, ...args].map((word) => `'${word}'`).join(" "),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (const [file, content] of Object.entries(files)) app.write(file, content);
  return app;
}

export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  child.stdin.end();
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

/** SQLite is always there. */
export const kinds: AppKind[] = onPostgres ? ["sqlite", "postgresql"] : ["sqlite"];
