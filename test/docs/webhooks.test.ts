/** The endpoints of the guide to webhooks, as they are printed. */
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { codeBlocks, read, root } from "./markdown.ts";
import { filesOf } from "./samples.ts";

const GUIDE = "docs/guides/webhooks.md";
const SECRET = "whsec_1";
// Inside the repository, or its packages would not be found.
const folder = `${root}test/docs/generated/webhooks`;

type Endpoint = (request: Request) => Promise<Response>;

let db: TestDatabase;
let endpoints: Record<string, Endpoint>;
let app: RequestListener;
let disconnect: () => Promise<void>;

const load = async <T>(name: string) => (await import(`${folder}/${name}.ts`)) as T;

beforeAll(async () => {
  db = await openSqlite();
  await db.query(`INSERT INTO "Account" ("id", "balance") VALUES ('ada', 0)`);
  const { code = "" } = codeBlocks(read(GUIDE)).find(({ language }) => language === "sql") ?? {};
  await db.query(code);
  mkdirSync(folder, { recursive: true });
  for (const [path, sample] of filesOf(GUIDE, folder, "sqlite")) writeFileSync(path, sample.code);
  vi.stubEnv("DATABASE_URL", db.url);
  vi.stubEnv("WEBHOOK_SECRET", SECRET);
  const message = await load<{ POST: Endpoint }>("as-message");
  const request = await load<{ POST: Endpoint }>("as-request");
  endpoints = { "as a message": message.POST, "as a request": request.POST };
  ({ app } = await load<{ app: RequestListener }>("express"));
  const { prisma } = await load<{ prisma: { $disconnect(): Promise<void> } }>("idempotency");
  disconnect = () => prisma.$disconnect();
});
afterAll(async () => {
  await disconnect();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
  await db[Symbol.asyncDispose]();
});

function headersOf(body: string, secret = SECRET): Record<string, string> {
  const t = Math.floor(Date.now() / 1000);
  const v1 = createHmac("sha256", secret).update(`${t}.${body}`).digest("hex");
  return { "content-type": "application/json", "webhook-signature": `t=${t},v1=${v1}` };
}

const paid = (id: unknown, cents = 5, customer = "ada") =>
  JSON.stringify({ id, type: "payment.succeeded", data: { customer, cents } });

const balance = async () => {
  const { balance: found } = await db.prisma.account.findUniqueOrThrow({ where: { id: "ada" } });
  return found;
};

describe.each(["as a message", "as a request"])("%s", (name) => {
  const send = async (body: string, headers = headersOf(body)) => {
    const request = new Request("http://localhost/webhooks/payments", { method: "POST", headers, body });
    return (await endpoints[name]?.(request))?.status ?? 0;
  };

  it("an event is credited once", async () => {
    const before = await balance();
    for (let delivery = 0; delivery < 3; delivery += 1) {
      expect(await send(paid(`${name}: paid`))).toBeLessThan(300);
    }
    expect(await balance()).toBe(before + 5);
  });

  it("what is not an event with an id is refused, and so is what the provider has not signed", async () => {
    const before = await balance();
    for (const body of ["{", "null", "[]", paid(undefined), paid(""), paid(820_982_911_946)]) {
      expect(await send(body)).toBe(400);
    }
    const body = paid(`${name}: forged`);
    expect(await send(body, headersOf(body, "whsec_2"))).toBe(400);
    expect(await balance()).toBe(before);
  });
});

it("an event that is given up is taken from the provider, however often it is put aside", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const send = async (body: string) => {
    const request = new Request("http://localhost/", { method: "POST", headers: headersOf(body), body });
    return (await endpoints["as a message"]?.(request))?.status;
  };
  expect(await send(paid("reused"))).toBe(204);
  expect(await send(paid("reused", 6))).toBe(204);
  expect(await send(paid("reused", 6))).toBe(204);
  const statuses = [];
  for (let delivery = 0; delivery < 6; delivery += 1) statuses.push(await send(paid("failing", 5, "nobody")));
  expect(statuses).toEqual([500, 500, 500, 500, 204, 204]);
  expect(await db.query("SELECT id, reason, error FROM dead_event ORDER BY id")).toMatchObject([
    { id: "failing", reason: "attempts", error: expect.stringContaining("No record was found") },
    { id: "reused", reason: "id_reused", error: expect.stringContaining("IdempotencyError") },
  ]);
  vi.mocked(console.error).mockRestore();
});

it("under Express the bytes are those that were signed", async () => {
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/payments`;
  // White space that a parser would lose.
  const body = ` ${paid("express")}\n`;
  const { status } = await fetch(url, { method: "POST", headers: headersOf(body), body });
  server.close();
  server.closeAllConnections();
  expect(status).toBe(204);
});

it.each([undefined, ""])("does not start with the secret %j", async (secret) => {
  vi.stubEnv("WEBHOOK_SECRET", secret);
  vi.resetModules();
  await expect(load("signature")).rejects.toThrow("WEBHOOK_SECRET is not set");
  vi.stubEnv("WEBHOOK_SECRET", SECRET);
});
