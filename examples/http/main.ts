/** `node --import tsx examples/http/main.ts hono`, or `express`, `fastify`, `node`: the same handlers, served. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createTables, prisma } from "../database/index.ts";
import { start as startExpress } from "./express.ts";
import { start as startFastify } from "./fastify.ts";
import { start as startHono } from "./hono.ts";
import { start as startNode } from "./node.ts";

const starts = { express: startExpress, fastify: startFastify, hono: startHono, node: startNode };
const name = process.argv[2] ?? "node";
const start = Object.entries(starts).find(([framework]) => framework === name)?.[1];
if (start === undefined) throw new Error(`give one of ${Object.keys(starts).join(", ")}`);

await createTables();
await prisma.account.create({ data: { id: "ada", balance: 0 } });
const server = start(Number(process.env["PORT"] ?? 0));
if (!server.listening) await once(server, "listening");
const { port } = server.address() as AddressInfo;
console.log(`${name}: http://127.0.0.1:${port}
curl -i localhost:${port}/charges -H 'x-user: ada' -H 'Content-Type: application/json' \\
  -H 'Idempotency-Key: "8e03978e-40d5"' -d '{"cents":500}'`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit());
