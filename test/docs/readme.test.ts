/** Runs the README's quick starts, exactly as they are printed, and keeps the README's word on what comes out. */
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
  readonly "trpc.ts": { readonly appRouter: AnyTRPCRouter; readonly createContext: () => object };
  readonly "yoga.ts": { readonly yoga: { fetch(url: string, init: RequestInit): Promise<Response> } };
  readonly "http.ts": { readonly deposit: (request: Request) => Promise<Response> };
  readonly "run.ts": {
    deposit(
      user: { id: string },
      key: string,
      input: { account: string; amount: number },
    ): Promise<{ account: { balance: number }; replayed: boolean }>;
  };
}

// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/${randomUUID()}`;
const blocks = codeBlocks(read("README.md"));
let database: TestDatabase;

beforeAll(async () => {
  database = await openSqlite();
  vi.stubEnv("DATABASE_URL", database.url);
  mkdirSync(folder, { recursive: true });
  for (const [path, { code }] of filesOf("README.md", folder, "sqlite")) writeFileSync(path, code);
  await database.prisma.account.create({ data: { id: "ada", balance: 0 } });
});

afterAll(async () => {
  const { prisma } = await load("idempotency.ts");
  await prisma.$disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await database[Symbol.asyncDispose]();
});

describe("the README's quick start", () => {
  it("of tRPC keeps its word", async () => {
    const { appRouter, createContext } = await load("trpc.ts");
    const server = createHTTPServer({ router: appRouter, createContext });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = server.address() as AddressInfo;
      const { path, ...request } = curl("localhost:3000");
      const send = (change: RequestInit = {}) =>
        fetch(`http://127.0.0.1:${port}${path}`, { ...request, ...change });
      expect(await sentTwice(send)).toEqual(asPromised);
      const other = await send({ body: request.body.replace("5", "6") });
      expect(other.status).toBe(422);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("of Yoga keeps its word", async () => {
    const { yoga } = await load("yoga.ts");
    const { path, ...request } = curl("localhost:4000");
    const send = async () => yoga.fetch(`http://localhost:4000${path}`, request);
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

  it("of anything else keeps its word", async () => {
    const run = await load("run.ts");
    const before = await balance();
    const send = () => run.deposit({ id: "ada" }, "key", { account: "ada", amount: 5 });
    expect(await send()).toMatchObject({ account: { balance: before + 5 }, replayed: false });
    expect(await send()).toMatchObject({ account: { balance: before + 5 }, replayed: true });
    expect(await balance()).toBe(before + 5);
  });
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

/** The request that a `curl` command of the README sends. */
function curl(host: string) {
  const command = blocks.find(({ language, code }) => language === "sh" && code.includes(host))?.code ?? "";
  const headers = Array.from(command.matchAll(/-H '([^:]+): ([^']*)'/g), ([, name = "", value = ""]) => [
    name,
    value,
  ]);
  const path = command.split(host)[1]?.split(" ")[0] ?? "";
  const body = /-d '([^']*)'/.exec(command)?.[1] ?? "";
  return { path, method: "POST", headers: Object.fromEntries(headers) as Record<string, string>, body };
}
