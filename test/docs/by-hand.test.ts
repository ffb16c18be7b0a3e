/** The servers of the guide to HTTP, as they are printed. The route by hand and the wrapped handler are sent the same requests. */
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createServerAdapter } from "@whatwg-node/server";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { idempotencyKeyOf } from "../../src/http/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/by-hand`;

interface Samples {
  app: RequestListener;
  completer: { stop(): Promise<void> };
  deposit: (request: Request) => Promise<Response>;
  prisma: { $disconnect(): Promise<void> };
}

let db: TestDatabase;
let samples: Samples;
const servers: Server[] = [];
const ports: Record<"wrapped" | "by hand" | "leased", number> = { wrapped: 0, "by hand": 0, leased: 0 };

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  db = await openSqlite();
  await db.query(`INSERT INTO "Account" ("id", "balance") VALUES ('wrapped', 1), ('by hand', 1)`);
  vi.stubEnv("DATABASE_URL", db.url);
  mkdirSync(folder, { recursive: true });
  for (const [path, { code }] of filesOf("docs/guides/http.md", folder, "sqlite")) writeFileSync(path, code);
  const load = async (name: string) => (await import(`${folder}/${name}.ts`)) as Samples;
  const { app } = await load("by-hand");
  const { deposit } = await load("charges");
  const { prisma } = await load("idempotency");
  const { app: leased } = await load("server");
  const { completer } = await load("payments");
  samples = { app, completer, deposit, prisma };
  const adapter = createServerAdapter(deposit);
  ports.wrapped = await listen((...call) => void adapter(...call));
  ports["by hand"] = await listen(app);
  ports.leased = await listen(leased);
});
afterAll(async () => {
  for (const server of servers) server.close();
  await samples.completer.stop();
  await samples.prisma.$disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await db[Symbol.asyncDispose]();
});

type Key = string | string[] | undefined;

/** Node's own client can send two headers of one name. */
async function send(to: keyof typeof ports, key: Key, amount: number, path = "/deposits") {
  const headers = {
    "content-type": "application/json",
    "x-user": to,
    ...(key !== undefined && { "idempotency-key": key }),
  };
  const options = { host: "127.0.0.1", port: ports[to], method: "POST", path, headers };
  const sent = request(options).end(JSON.stringify({ account: to, amount }));
  const [response] = await once(sent, "response");
  const told = ["idempotency-outcome", "idempotent-replayed", "retry-after", "content-type", "link"];
  return {
    status: response.statusCode as number,
    // Express names the character set, too.
    headers: told.map((name) => [name, response.headers[name]?.replace("; charset=utf-8", "")]),
    body: bodyOf(await text(response)),
  };
}

function bodyOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

async function bothAnswer(key: Key, amount: number) {
  const [wrapped, byHand] = [await send("wrapped", key, amount), await send("by hand", key, amount)];
  expect(byHand).toEqual(wrapped);
  return byHand;
}

it.each<[string, Key, number, number]>([
  ["no key", undefined, 5, 400],
  ["an empty key", "", 5, 400],
  ["an unclosed quote", '"a', 5, 400],
  ["a list", '"a", "b"', 5, 400],
  ["two headers", ["a", "b"], 5, 400],
  ["a key that is too long", "x".repeat(256), 5, 400],
  ["a first request", '"k"', 5, 201],
  ["a retry, with the bare key", "k", 5, 201],
  ["the key of another request", '"k"', 6, 422],
])("answers as the wrapped handler does: %s", async (_, key, amount, status) => {
  expect((await bothAnswer(key, amount)).status).toBe(status);
});

it("answers as the wrapped handler does: the table is not there", async () => {
  await db.query("ALTER TABLE idempotency_record RENAME TO away");
  expect(await bothAnswer('"l"', 5)).toMatchObject({ status: 500, body: { code: "STORE_MISCONFIGURED" } });
  await db.query("ALTER TABLE away RENAME TO idempotency_record");
  expect(await bothAnswer('"l"', 5)).toMatchObject({ status: 201, body: { balance: 11 } });
});

it("a list of keys is refused with what was found", async () => {
  for (const key of ['"a", "b"', ["a", "b"]]) {
    expect((await send("by hand", key, 5)).body).toMatchObject({
      code: "KEY_INVALID",
      detail:
        "The Idempotency-Key header is a list of 2 keys, or was sent that often; send one key with one request.",
    });
  }
});

it("the server of the leased handler shows nobody the stack of an error", async () => {
  const down = vi.spyOn(globalThis, "fetch").mockRejectedValue(new Error("the provider is down"));
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  try {
    const response = await send("leased", '"k"', 5, "/payments");
    expect(response).toMatchObject({ status: 500, body: "" });
    expect(String(printed.mock.calls)).toContain("the provider is down");
  } finally {
    printed.mockRestore();
    down.mockRestore();
  }
});

it("the header is read as frameworks give it", () => {
  for (const header of ["a", '"a"', ["a"]]) expect(idempotencyKeyOf(header, "POST /x")).toBe("a");
  for (const header of [null, undefined]) {
    expect(() => idempotencyKeyOf(header, "POST /x")).toThrow("POST /x needs an idempotency key: send");
  }
});
