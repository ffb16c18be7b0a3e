/** examples/t3-app, installed as its lock file says, and servers that Next.js starts of it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import { PrismaLibSql } from "@prisma/adapter-libsql";
import { diffsOf } from "../../docs/diffs.ts";
import { type InstalledApp, install, WITHOUT_NETWORK, withoutTestRunner } from "../../support/packed.ts";
import { ddlOf } from "../../support/schema-engine.ts";

export interface Variant {
  readonly prisma: 6 | 7;
  /** Whether `serverExternalPackages` names the package, so that Node loads it and no bundler. */
  readonly isExternal: boolean;
}

export interface T3App extends Disposable {
  build(): Promise<void>;
  start(mode: Mode): Promise<T3Server>;
  /** Sends a statement to the database, past the server. */
  execute(sql: string): Promise<void>;
  /** Committed posts of a title. */
  posts(name: string): Promise<number>;
}

export type Mode = "next start" | "next dev --turbo";

export interface T3Server {
  readonly url: string;
  /** By SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again, at the same address. */
  restart(): Promise<void>;
}

/** What the network would have to give besides. */
const FONT = "https://fonts.googleapis.com/css2?family=Geist:wght@100..900&display=swap";

export async function installT3({ prisma, isExternal }: Variant): Promise<T3App> {
  const app = await install("examples/t3-app", ...(prisma === 7 ? ["examples/t3-app/prisma-7"] : []));
  const { folder } = app;
  copyFileSync(join(folder, ".env.example"), join(folder, ".env"));
  if (prisma === 7) applyGuide(folder);
  if (isExternal) change(join(folder, "next.config.js"), "{}", '{ serverExternalPackages: ["onceonly"] }');
  const fonts = join(folder, "fonts.cjs");
  writeFileSync(
    fonts,
    `module.exports = ${JSON.stringify({ [FONT]: "@font-face { font-family: Geist }" })};`,
  );
  const env = { ...WITHOUT_NETWORK, NEXT_TELEMETRY_DISABLED: "1", NEXT_FONT_GOOGLE_MOCKED_RESPONSES: fonts };
  await app.run("prisma/build/index.js", ["generate"], env);
  // Where each version of Prisma has a relative address begin.
  const url = pathToFileURL(join(folder, prisma === 6 ? "prisma" : ".", "db.sqlite")).href;
  await createTables(folder, url);
  return {
    build: async () => void (await app.run("next/dist/bin/next", ["build"], env)),
    start: (mode) => start(app, mode, env),
    async execute(sql) {
      const client = createClient({ url });
      await client.execute(sql);
      client.close();
    },
    async posts(name) {
      const client = createClient({ url });
      const { rows } = await client.execute({
        sql: 'SELECT count(*) AS n FROM "Post" WHERE "name" = ?',
        args: [name],
      });
      client.close();
      return Number(rows[0]?.["n"]);
    },
    [Symbol.dispose]: () => app[Symbol.dispose](),
  };
}

function applyGuide(folder: string): void {
  const [, seven = ""] = diffsOf("docs/guides/nextjs-t3.md", "## Prisma 7");
  execFileSync("git", ["apply", "-"], { cwd: folder, input: seven });
}

function change(file: string, before: string, after: string): void {
  writeFileSync(file, readFileSync(file, "utf8").replace(before, after));
}

/** What `npm run db:push` does, whose engine npm does not have. */
async function createTables(folder: string, url: string): Promise<void> {
  const schema = readFileSync(join(folder, "prisma/schema.prisma"), "utf8");
  const content = schema.replace(/^generator [^}]*\}\n/m, "").replace(/^\s*url\s*=.*\n/m, "");
  const client = createClient({ url });
  await client.executeMultiple(await ddlOf([{ path: "schema.prisma", content }], new PrismaLibSql({ url })));
  client.close();
}

async function start({ folder }: InstalledApp, mode: Mode, env: NodeJS.ProcessEnv): Promise<T3Server> {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  let server: ChildProcess;
  const run = async () => {
    const [, ...args] = mode.split(" ");
    const next = join(folder, "node_modules/next/dist/bin/next");
    // A group of its own, for the processes that Next.js starts in turn.
    server = spawn(process.execPath, [next, ...args, "--port", String(port)], {
      cwd: folder,
      env: { ...withoutTestRunner(), ...env },
      stdio: ["ignore", "ignore", "inherit"],
      detached: true,
    });
    try {
      await untilItAnswers(server, url);
    } catch (error) {
      if (server.exitCode === null) process.kill(-(server.pid ?? 0), "SIGKILL");
      throw error;
    }
  };
  await run();
  return {
    url,
    restart: run,
    async kill() {
      const ended = once(server, "exit");
      process.kill(-(server.pid ?? 0), "SIGKILL");
      await ended;
    },
  };
}

async function untilItAnswers(server: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`Next.js ended with ${server.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    if (response !== undefined) throw new Error(`${url}: ${response.status}\n${await response.text()}`);
    await sleep(200);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
