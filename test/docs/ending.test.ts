/** Runs the programs of the guide to shutting down, as they are printed, until SIGTERM. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it, type TestContext } from "vitest";
import { bundleOf } from "../support/bundle.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import type { ExampleProvider, Provider } from "../support/providers.ts";
import { root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

/** The quick start has SQLite: for PostgreSQL, its one file that says so is another. */
const POSTGRESQL = `
  import { PrismaPg } from "@prisma/adapter-pg";
  import { createIdempotency } from "${root}src/index.ts";
  import { PrismaClient } from "${root}test/support/generated/postgresql/client.ts";
  const adapter = new PrismaPg({ connectionString: process.env.DATABASE_URL });
  export const prisma = new PrismaClient({ adapter });
  export const idempotency = createIdempotency({ prisma });
`;

const SERVER = `
  import { server } from "./serve.ts";
  import { prisma } from "./idempotency.ts";
  await prisma.account.count();
  const say = () => console.log(server.address().port);
  server.listening ? say() : server.once("listening", say);
`;

const WORKER = `
  import "./serve.ts";
  import { prisma } from "./idempotency.ts";
  await prisma.account.count();
  console.log("started");
`;

/** The main file of each program, and what it makes of the serve.ts of the guide. */
const PROGRAMS = {
  server: { main: SERVER, serve: (code: string) => code },
  // So that requests are under way at any time.
  "slow-server": {
    main: SERVER,
    serve: (code: string) => code.replace(/response\.end\(.*?\)/, "setTimeout(() => $&, 20)"),
  },
  // What the guide says that a worker leaves out.
  worker: {
    main: WORKER,
    serve: (code: string) => code.replaceAll(/^.*(server|closed|createServer).*\n/gim, ""),
  },
};

async function start(
  name: Provider,
  { url }: TestDatabase,
  kind: keyof typeof PROGRAMS,
  { onTestFinished }: TestContext,
) {
  // Inside the repository, or its packages would not be found.
  const { main, serve } = PROGRAMS[kind];
  const folder = `${root}test/docs/generated/ending-${name}-${kind}`;
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, { code, file }] of filesOf(
    "docs/guides/shutting-down.md",
    folder,
    name as ExampleProvider,
  )) {
    const given = file === "idempotency.ts" && name === "postgresql" ? POSTGRESQL : code;
    writeFileSync(path, file === "serve.ts" ? serve(given) : given);
  }
  writeFileSync(`${folder}/main.ts`, main);
  const script = fileURLToPath(bundleOf(pathToFileURL(`${folder}/main.ts`)));
  const child = spawn(process.execPath, [script], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, DATABASE_URL: url, PORT: "0" },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: said } = await Promise.race([
    lines.next(),
    exited.then(([code]) => Promise.reject(new Error(`ended with ${code} before it had started`))),
  ]);
  return { child, exited, said: said as string };
}

/** A client with one connection, which it keeps. */
class KeptConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  async get(): Promise<string> {
    const sent = request({ host: "127.0.0.1", port: this.#port, agent: this.#agent }).end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    return text(response);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

describe.concurrent.each(databases)("a program with a completer, on $name", ({ name, open }) => {
  it("ends by itself with code 0 after SIGTERM, beside a server with an open connection", async (test) => {
    await using database = await open();
    const { child, exited, said } = await start(name, database, "server", test);
    const response = await fetch(`http://127.0.0.1:${said}`);
    expect(await response.text()).toBe("your application");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });

  it("ends though clients always have another request, on connections that they keep", async (test) => {
    await using database = await open();
    const { child, exited, said } = await start(name, database, "slow-server", test);
    let answers = 0;
    let isTold = false;
    // Not fetch, which may open another connection instead of using one again.
    const askUntilRefused = async () => {
      for (;;) {
        using connection = new KeptConnection(Number(said));
        try {
          for (; ; answers += 1) await connection.get();
        } catch {
          // On a busy machine a connection may be idle for so long that the server closes it.
          if (isTold) return "refused";
        }
      }
    };
    const clients = Array.from({ length: 5 }, askUntilRefused);
    await eventually(() => expect(answers).toBeGreaterThan(10));
    isTold = true;
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(await Promise.all(clients)).toEqual(clients.map(() => "refused"));
  });

  it("ends by itself with code 0 after SIGTERM, as a worker alone", async (test) => {
    await using database = await open();
    const { child, exited, said } = await start(name, database, "worker", test);
    expect(said).toBe("started");
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});
