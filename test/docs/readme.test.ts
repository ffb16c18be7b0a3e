/** Runs the quick starts of the README and of the guide to getting started, exactly as they are printed, and what they say. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { AnyTRPCRouter } from "@trpc/server";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { codeBlocks, read, root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

interface Modules {
  readonly "idempotency.ts": { readonly prisma: TestDatabase["prisma"] };
  readonly "deposit.ts": { readonly appRouter: AnyTRPCRouter };
  readonly "trpc.ts": { readonly createContext: () => object };
  readonly "yoga.ts": { readonly yoga: { fetch(url: string, init: RequestInit): Promise<Response> } };
  readonly "http.ts": { readonly deposit: (request: Request) => Promise<Response> };
  readonly "run.ts": {
    deposit(
      user: { id: string },
      key: string,
      input: { account: string; amount: number },
    ): Promise<{ account: { balance: number }; replayed: boolean }>;
  };
  readonly "open-account.ts": { openAccount(id: string): Promise<{ id: string; balance: number }> };
}

// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/${randomUUID()}`;
const STARTED = "docs/guides/getting-started.md";
const UNNEEDED = "docs/guides/when-you-do-not-need-this.md";
let database: TestDatabase;

beforeAll(async () => {
  database = await openSqlite();
  vi.stubEnv("DATABASE_URL", database.url);
  mkdirSync(folder, { recursive: true });
  for (const [path, { code }] of filesOf(UNNEEDED, folder, "sqlite")) writeFileSync(path, code);
  await database.prisma.account.create({ data: { id: "ada", balance: 0 } });
});

afterAll(async () => {
  const { prisma } = await load("idempotency.ts");
  await prisma.$disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await database[Symbol.asyncDispose]();
});

describe("the README", () => {
  it("prints what its server answers", async () => {
    const { appRouter } = await load("deposit.ts");
    const { createContext } = await load("trpc.ts");
    const server = createHTTPServer({ router: appRouter, createContext });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const sessions = consoleSessions(read("README.md"));
      expect(sessions).toHaveLength(2);
      for (const { command, printed } of sessions) {
        const { url, request } = curl(command);
        const response = await fetch(url.replace("localhost:3000", `127.0.0.1:${port}`), request);
        expect(await printedBy(response)).toBe(printed);
      }
      expect(await balance()).toBe(5);
      // "The same key with another amount is answered with 422."
      const { url, request } = curl(sessions[0]?.command ?? "");
      const body = request.body.replace("5", "6");
      const other = await fetch(url.replace("localhost:3000", `127.0.0.1:${port}`), { ...request, body });
      expect(other.status).toBe(422);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe("the quick start", () => {
  it("of Yoga keeps its word", async () => {
    const { yoga } = await load("yoga.ts");
    const { code = "" } =
      codeBlocks(read(STARTED)).find((block) => block.code.includes("localhost:4000")) ?? {};
    const { url, request } = curl(code);
    const send = async () => yoga.fetch(url, request);
    expect(await sentTwice(send)).toEqual(asPromised);
  });

  it("of plain HTTP keeps its word", async () => {
    const { deposit } = await load("http.ts");
    const body = JSON.stringify({ account: "ada", amount: 5 });
    const headers = { "content-type": "application/json", "idempotency-key": "http" };
    const send = async () =>
      deposit(new Request("http://localhost/deposit", { method: "POST", headers, body }));
    expect(await sentTwice(send)).toEqual(asPromised);
  });

  it.each(["trpc-server.ts", "yoga-server.ts"])(
    "does not start %s without a table of the library",
    async (name) => {
      await database.query("ALTER TABLE idempotency_step RENAME TO away");
      try {
        await expect(import(pathToFileURL(`${folder}/${name}`).href)).rejects.toMatchObject({
          code: "STORE_MISCONFIGURED",
        });
      } finally {
        await database.query("ALTER TABLE away RENAME TO idempotency_step");
      }
    },
  );

  it("of anything else keeps its word", async () => {
    const run = await load("run.ts");
    const before = await balance();
    const send = () => run.deposit({ id: "ada" }, "key", { account: "ada", amount: 5 });
    expect(await send()).toMatchObject({ account: { balance: before + 5 }, replayed: false });
    expect(await send()).toMatchObject({ account: { balance: before + 5 }, replayed: true });
    expect(await balance()).toBe(before + 5);
  });
});

it("creates one row in the sample that needs no key", async () => {
  const { openAccount } = await load("open-account.ts");
  expect(await openAccount("grace")).toMatchObject({ id: "grace", balance: 0 });
  expect(await openAccount("grace")).toMatchObject({ id: "grace", balance: 0 });
  expect(await database.prisma.account.count({ where: { id: "grace" } })).toBe(1);
});

/** "Send it twice: the balance grows once, both answers are the same, and the second has the header." */
async function sentTwice(send: () => Promise<Response>): Promise<object> {
  const before = await balance();
  const responses = [await send(), await send()];
  const [first, second] = await Promise.all(responses.map(answerOf));
  return {
    statuses: responses.map(({ status }) => status),
    replayed: responses.map(({ headers }) => headers.get("Idempotent-Replayed")),
    grownBy: (await balance()) - before,
    sameAnswer: isDeepStrictEqual(first, second),
    answerHasBalance: JSON.stringify(first).includes(`"balance":${await balance()}`),
  };
}

const asPromised = {
  statuses: [200, 200],
  replayed: [null, "true"],
  grownBy: 5,
  sameAnswer: true,
  answerHasBalance: true,
};

/** What a GraphQL answer says of itself as a replay is no part of the answer. */
async function answerOf(response: Response): Promise<unknown> {
  return { ...((await response.json()) as object), extensions: undefined };
}

async function balance(): Promise<number> {
  const { balance } = await database.prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  return balance;
}

async function load<TName extends keyof Modules>(name: TName): Promise<Modules[TName]> {
  return (await import(pathToFileURL(`${folder}/${name}`).href)) as Modules[TName];
}

interface Session {
  readonly command: string;
  readonly printed: string;
}

/** What is typed after each `$` of the console, and what it prints. */
function consoleSessions(text: string): Session[] {
  return codeBlocks(text)
    .filter(({ language }) => language === "console")
    .flatMap(({ code }) => code.split(/^\$ /m).slice(1))
    .map((session) => {
      const { 0: command = "" } = /^(?:.*\\\n)*.*\n/.exec(session) ?? [];
      return { command, printed: session.slice(command.length).trimEnd() };
    });
}

/** As `curl -i` prints it, with the headers that the README leaves in. */
async function printedBy(response: Response): Promise<string> {
  const replayed = response.headers.get("Idempotent-Replayed");
  const head = [
    `HTTP/1.1 ${response.status} ${response.statusText}`,
    ...(replayed === null ? [] : [`idempotent-replayed: ${replayed}`]),
  ];
  // The model of the tests has one more column than the README's.
  const body = (await response.text()).replace(',"version":0', "");
  return `${head.join("\n")}\n\n${body}`;
}

/** The request that a `curl` command sends. */
function curl(command: string) {
  const headers = Array.from(command.matchAll(/-H '([^:]+): ([^']*)'/g), ([, name = "", value = ""]) => [
    name,
    value,
  ]);
  const url = `http://${/localhost:[^ ]+/.exec(command)?.[0]}`;
  const body = /-d '([^']*)'/.exec(command)?.[1] ?? "";
  return {
    url,
    request: { method: "POST", headers: Object.fromEntries(headers) as Record<string, string>, body },
  };
}
