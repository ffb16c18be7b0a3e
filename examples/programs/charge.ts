/**
 * A charge endpoint whose answers get lost, and a client that retries until it has one.
 * `node --import tsx examples/programs/charge.ts`
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createServerAdapter, useErrorHandling } from "@whatwg-node/server";
import { withIdempotency } from "onceonly/http";
import { createTables, idempotency, prisma } from "../database/index.ts";

const charge = withIdempotency(
  { idempotency, scope: (request) => request.headers.get("x-user") },
  async (request, { tx }) => {
    const { cents } = (await request.json()) as { cents: number };
    const customer = request.headers.get("x-user") ?? "";
    return Response.json(await tx.charge.create({ data: { customer, cents } }), { status: 201 });
  },
);

await createTables();
const adapter = createServerAdapter(charge, { plugins: [useErrorHandling()] });
const LOST = 2;
let answered = 0;
const server = createServer((request, response) => {
  answered += 1;
  if (answered <= LOST) {
    // Charged and committed, but the connection breaks before the answer is out.
    response.writeHead = () => response.destroy();
  }
  void adapter(request, response);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/charges`;

/** Retries what may be retried: no answer, 409 and 5xx. The key is made once, outside the loop. */
async function chargeReliably(cents: number): Promise<Response> {
  const key = crypto.randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", "x-user": "ada", "idempotency-key": `"${key}"` },
      body: JSON.stringify({ cents }),
    }).catch(() => undefined);
    console.log(`attempt ${attempt}: ${response?.status ?? "no answer"}`);
    const isFinal = response !== undefined && response.status !== 409 && response.status < 500;
    if (isFinal || attempt === 5) return response ?? Response.error();
    await sleep(1_000 * Number(response?.headers.get("retry-after") ?? 0.05 * 2 ** attempt));
  }
}

const response = await chargeReliably(500);
console.log(`the answer is a replay: ${response.headers.get("idempotent-replayed") === "true"}`);
console.log(`charges in the database: ${await prisma.charge.count()}`);
server.close();
server.closeAllConnections();
await prisma.$disconnect();
