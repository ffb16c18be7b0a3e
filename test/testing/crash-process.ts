/** Places one order and prints the answer: a child process that may not live to do so. */
import { createIdempotency } from "../../src/create-idempotency.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { orderOf } from "../support/runs.ts";

const { TARGET = "{}" } = process.env;
const prisma = await connect(JSON.parse(TARGET) as ClientTarget);
const idempotency = createIdempotency({ prisma });
const request = { operation: "orders.place", scope: "u", key: "k" };
const { replayed } = await idempotency.run(request, async ({ tx }) => {
  await tx.order.create({ data: orderOf("k") });
  await tx.account.create({ data: { id: "a", balance: 1 } });
});
process.stdout.write(replayed ? "replayed" : "executed");
await prisma.$disconnect();
