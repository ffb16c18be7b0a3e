/** The driver of Neon, through a WebSocket as Neon's own proxy is reached, to the PostgreSQL of the tests. */
import { once } from "node:events";
import { type AddressInfo, connect as dial } from "node:net";
import { neonConfig } from "@neondatabase/serverless";
import { PrismaNeon } from "@prisma/adapter-neon";
import { describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { onPostgres, openPostgres } from "../support/database.ts";
import { PrismaClient } from "../support/generated/postgresql/client.ts";
import { idempotencyOf, orderOf, records, request } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

/** Passes the bytes of each socket on to the server at `url`. */
async function openWebSocketProxy(url: string) {
  const { hostname, port } = new URL(url);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    const upstream = dial(Number(port), hostname);
    socket.on("message", (bytes: Buffer) => upstream.write(bytes));
    socket.on("close", () => upstream.destroy());
    upstream.on("data", (bytes) => socket.send(bytes));
    upstream.on("close", () => socket.close());
    upstream.on("error", () => socket.close());
  });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

describe.runIf(onPostgres)("over @prisma/adapter-neon", () => {
  test("the claim travels with BEGIN and the result with COMMIT", async () => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    await using sockets = await openWebSocketProxy(proxy.url);
    neonConfig.webSocketConstructor = WebSocket;
    neonConfig.wsProxy = () => `127.0.0.1:${sockets.port}/v1`;
    neonConfig.useSecureWebSocket = false;
    neonConfig.pipelineConnect = false;
    const prisma = new PrismaClient({ adapter: new PrismaNeon({ connectionString: proxy.url }) });
    try {
      const run = (key: string) =>
        idempotencyOf(prisma, { storeError: () => true }).run(request(key), async ({ tx }) => {
          await tx.order.create({ data: orderOf(key) });
          return "漢'\\";
        });
      await run("first");
      proxy.reset();
      expect(await run("k")).toEqual({ value: "漢'\\", replayed: false });
      expect(proxy.statements.map((text) => text.split(/[\s;]/, 1)[0])).toEqual(["BEGIN", "INSERT", "WITH"]);
      expect(await run("k")).toEqual({ value: "漢'\\", replayed: true });
      expect([await db.countOrders(), (await records(db)).length]).toEqual([2, 2]);
    } finally {
      await prisma.$disconnect();
    }
  });
});
