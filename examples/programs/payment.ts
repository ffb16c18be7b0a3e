/** A payment endpoint, and what clients do to it. `node --import tsx examples/programs/payment.ts` */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter, useErrorHandling } from "@whatwg-node/server";
import { withIdempotency } from "onceonly/http";
import { createTables, idempotency, prisma } from "../database/index.ts";

const pay = withIdempotency(
  { idempotency, scope: (request) => request.headers.get("x-user"), operation: "POST /payments" },
  async (request, { tx }) => {
    const { cents } = (await request.json()) as { cents: number };
    const customer = request.headers.get("x-user") ?? "";
    const { count } = await tx.account.updateMany({
      where: { id: customer, balance: { gte: cents } },
      data: { balance: { decrement: cents } },
    });
    // 402 blames the request: it is stored, and the answer to every duplicate.
    if (count === 0) return Response.json({ error: "the balance is too low" }, { status: 402 });
    const { id } = await tx.charge.create({ data: { customer, cents } });
    return Response.json({ payment: id, cents }, { status: 201 });
  },
);

await createTables();
await prisma.account.create({ data: { id: "ada", balance: 100 } });
const adapter = createServerAdapter(pay, { plugins: [useErrorHandling()] });
const server = createServer((...call) => void adapter(...call)).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/payments`;

async function send(what: string, key: string | undefined, cents: number): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-user": "ada",
      ...(key === undefined ? {} : { "idempotency-key": `"${key}"` }),
    },
    body: JSON.stringify({ cents }),
  });
  const { code = "ok", error = code } = (await response.json()) as { code?: string; error?: string };
  const replayed = response.headers.has("idempotent-replayed") ? " (replayed)" : "";
  console.log(`${what}: ${response.status} ${error}${replayed}`);
}

const key = crypto.randomUUID();
await send("first", key, 60);
await send("retry", key, 60);
await send("same key, another amount", key, 6);
await send("no key", undefined, 60);
const tooMuch = crypto.randomUUID();
await send("too much", tooMuch, 60);
await send("too much, retry", tooMuch, 60);

console.log(`payments: ${await prisma.charge.count()}`);
console.log(`balance: ${(await prisma.account.findUniqueOrThrow({ where: { id: "ada" } })).balance}`);
server.close();
server.closeAllConnections();
await prisma.$disconnect();
