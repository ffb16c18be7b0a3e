/** The server of the payments example, over a database of the tests. */

import { adapterFor, type ClientTarget } from "../../support/clients.ts";
import type { ExampleProvider } from "../../support/providers.ts";
import { parentPort } from "../../support/worker.ts";

export interface ServerData {
  target: ClientTarget;
  /** The URL of the provider of payments. */
  service: string;
}

/** What the server tells its driver. */
export type FromServer = { type: "listening"; port: number } | { type: "failed"; text: string };

type AnyClient = new (options: object) => { payment: { count(): Promise<number> } };

const clients = {
  sqlite: () => import("../../../examples/payments/generated/client.ts"),
  postgresql: () => import("../../support/generated/payments-postgresql/client.ts"),
};

const { data } = await parentPort<ServerData, FromServer>();
const { PrismaClient } = (await clients[data.target.provider as ExampleProvider]()) as unknown as {
  PrismaClient: AnyClient;
};
const prisma = new PrismaClient({ adapter: adapterFor(data.target) });
await prisma.payment.count();
Object.assign(globalThis, { prisma });
process.env["SERVICE_URL"] = data.service;
await import("../../../examples/payments/server.ts");
