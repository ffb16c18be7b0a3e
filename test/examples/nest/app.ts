/** examples/nest, installed as its lock file says and built, and its server. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { diffsOf } from "../../docs/diffs.ts";
import { install, WITHOUT_NETWORK, withoutTestRunner } from "../../support/packed.ts";
import { ddlOf } from "../../support/schema-engine.ts";

export type Prisma = 6 | 7;

export interface NestApp extends Disposable {
  start(): Promise<NestServer>;
  /** Sends a statement to the database, past the server. */
  execute(sql: string): Promise<void>;
  /** Committed orders of a customer. */
  orders(customer: string): Promise<number>;
}

export interface NestServer {
  readonly url: string;
  /** What it has written to stderr. */
  errors(): string;
  /** By SIGKILL. */
  kill(): Promise<unknown>;
  /** By SIGTERM; gives the exit code. */
  stop(): Promise<unknown>;
}

export async function installNest(prisma: Prisma): Promise<NestApp> {
  const app = await install("examples/nest", ...(prisma === 6 ? ["examples/nest/prisma-6"] : []));
  const { folder } = app;
  const url = pathToFileURL(join(folder, "nest.db")).href;
  // Prisma 7 makes the tables of both.
  await createTables(folder, url);
  if (prisma === 6) applyGuide(folder);
  await app.run("prisma/build/index.js", ["generate"], { ...WITHOUT_NETWORK, DATABASE_URL: url });
  await app.run("typescript/bin/tsc", []);
  let port = 0;
  return {
    async start() {
      const child = fork(join(folder, "dist/main.js"), {
        env: { ...withoutTestRunner(), DATABASE_URL: url, PORT: String(port) },
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      });
      let errors = "";
      child.stderr?.on("data", (text: Buffer) => (errors += String(text)));
      const closed = once(child, "close");
      const address = await addressOf(child).catch(async (cause: unknown) => {
        await closed;
        throw new Error(`the server did not start\n${errors}`, { cause });
      });
      // A restarted server is where its clients look for it.
      port = Number(new URL(address).port);
      return {
        url: address,
        errors: () => errors,
        kill: () => end(child, "SIGKILL"),
        stop: () => end(child, "SIGTERM"),
      };
    },
    async execute(sql) {
      const client = createClient({ url });
      await client.execute(sql);
      client.close();
    },
    async orders(customer) {
      const client = createClient({ url });
      const sql = 'SELECT count(*) AS n FROM "Order" WHERE "customer" = ?';
      const { rows } = await client.execute({ sql, args: [customer] });
      client.close();
      return Number(rows[0]?.["n"]);
    },
    [Symbol.dispose]: () => app[Symbol.dispose](),
  };
}

function applyGuide(folder: string): void {
  const [, ofPrisma6 = ""] = diffsOf("docs/guides/nestjs.md", "## Prisma 6");
  execFileSync("git", ["apply", "-"], { cwd: folder, input: ofPrisma6 });
}

/** What `prisma migrate` does, whose engine npm does not have. */
async function createTables(folder: string, url: string): Promise<void> {
  const files = ["schema.prisma", "idempotency.prisma"].map((path) => ({
    path,
    content: readFileSync(join(folder, "prisma", path), "utf8"),
  }));
  const client = createClient({ url });
  await client.execute("PRAGMA journal_mode = WAL");
  await client.executeMultiple(await ddlOf(files, new PrismaLibSql({ url })));
  await client.execute(`INSERT INTO "Product" ("name", "stock") VALUES ('tea', 1000)`);
  client.close();
}

/** The server prints it when it listens. */
async function addressOf(child: ChildProcess): Promise<string> {
  let printed = "";
  child.stdout?.on("data", (text: Buffer) => (printed += String(text)));
  while (!printed.includes("\n")) {
    // Nest aborts the process if it cannot start.
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null) throw new Error(`the server ended with ${ended}`);
    await sleep(50);
  }
  return printed.trim();
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  const exited = once(child, "exit");
  child.kill(signal);
  const [code, by] = (await exited) as unknown[];
  return code ?? by;
}
