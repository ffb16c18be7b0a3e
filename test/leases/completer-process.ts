/** A process that does nothing but complete what is abandoned. */
import { createCompleter, createIdempotency } from "../../src/index.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { parentPort } from "../support/worker.ts";
import { count } from "./counting.ts";

export interface CompleterProcessData {
  target: ClientTarget;
  by: string;
}

export type FromCompleter = { type: "ready" } | { type: "error"; error: string };

const port = await parentPort<CompleterProcessData, FromCompleter>();
const { target, by } = port.data;
const prisma = await connect(target, { busyTimeoutMs: 10_000 });
await prisma.order.count();
createCompleter({
  idempotency: createIdempotency({ prisma, storeInput: true }),
  handlers: { count: (context, { key }: { key: string }) => count(context, prisma, key, by) },
  pollMs: 50,
  onError: (error) => port.send({ type: "error", error: String(error) }),
}).start();
port.send({ type: "ready" });
