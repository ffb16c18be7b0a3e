/** A server of the application in a process of its own, with the defaults of all it is made of. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import { withIdempotency } from "../../../src/http/index.ts";
import { orderOf } from "../../support/runs.ts";
import { parentPort } from "../../support/worker.ts";
import { openApplication } from "./application.ts";

export type FromServer = { type: "listening"; origin: string };

const parent = await parentPort<{ url: string }, FromServer>();
const { idempotency } = openApplication(parent.data.url);

const placeOrder = withIdempotency({ idempotency, scope: () => "u" }, async (_request, { tx, key = "" }) => {
  const { id } = await tx.order.create({ data: orderOf(key) });
  await tx.account.create({ data: { id, balance: 1 } });
  return Response.json({ orderId: id }, { status: 201 });
});

const adapter = createServerAdapter((request: Request) => placeOrder(request));
const server = createServer((request, response) => void adapter(request, response));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
parent.send({ type: "listening", origin: `http://127.0.0.1:${port}` });
