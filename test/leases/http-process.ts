/** A server of the route in http-route.ts, told by IPC where to stop for ever. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createServerAdapter } from "@whatwg-node/server";
import { type ClientTarget, connect } from "../support/clients.ts";
import type { LeasePoint } from "../support/lease-points.ts";
import { parentPort } from "../support/worker.ts";
import { openRoute } from "./http-route.ts";

export interface RouteProcessData {
  target: ClientTarget;
  service: string;
  /** For each key the point where its run stops. */
  stops: Record<string, LeasePoint>;
}

export type FromRoute = { type: "listening"; url: string } | { type: "at"; key: string };

const port = await parentPort<RouteProcessData, FromRoute>();
const { target, service, stops } = port.data;
const prisma = await connect(target, { max: 30 });
const { pay } = openRoute({
  prisma,
  by: "victim",
  service,
  async hit(point, key) {
    if (stops[key] !== point) return;
    port.send({ type: "at", key });
    await new Promise(() => {});
  },
});
await prisma.order.count();
const adapter = createServerAdapter(pay);
const server = createServer((...call) => void adapter(...call)).listen(0, "127.0.0.1");
await once(server, "listening");
port.send({ type: "listening", url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
