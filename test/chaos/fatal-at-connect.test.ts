/** The server ends a connection as soon as it is open: a shutdown, or a failover, while the pool opens new ones. */
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial } from "node:net";
import { describe, expect, it } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { idempotencyOf, orderOf, request } from "../support/runs.ts";

/** ReadyForQuery of an idle session. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

function fatal(): Buffer {
  const fields = "SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
  const message = Buffer.alloc(5 + fields.length);
  message.write("E");
  message.writeUInt32BE(4 + fields.length, 1);
  message.write(fields, 5);
  return message;
}

/** The first `count` connections are told so in the packet in which they are told that they are ready, and end. */
async function openEnding(target: string, count: number) {
  let left = count;
  const { hostname, port } = new URL(target);
  const listener = createServer((client) => {
    const server = dial(Number(port), hostname);
    const isToEnd = left > 0;
    left -= 1;
    for (const socket of [client, server]) socket.on("error", () => {});
    client.pipe(server);
    client.on("close", () => server.destroy());
    server.on("close", () => client.destroy());
    server.on("data", (chunk: Buffer) => {
      if (isToEnd && chunk.subarray(-READY.length).equals(READY)) client.end(Buffer.concat([chunk, fatal()]));
      else client.write(chunk);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const url = new URL(target);
  url.port = String((listener.address() as AddressInfo).port);
  return { url: url.href, [Symbol.asyncDispose]: async () => void listener.close() };
}

describe.runIf(onPostgres)("a connection that is ended as it is opened", () => {
  it.each(["shared", "one by one"] as const)(
    "does not end the process, and the run begins again (messages %s)",
    async (messages) => {
      await using db = await openPostgres();
      await using ending = await openEnding(db.url, 2);
      const prisma = await db.connect({ url: ending.url, messages });
      // The tables have been there: a database that has never answered is not waited for.
      const idempotency = idempotencyOf(prisma);
      const run = () =>
        idempotency.run(request("k"), async ({ tx }) => tx.order.create({ data: orderOf("k") }));
      const { replayed } = await run().catch(run).catch(run);
      expect([replayed, await db.countOrders()]).toEqual([false, 1]);
    },
  );
});
