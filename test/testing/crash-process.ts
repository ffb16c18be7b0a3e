/** Places one order and prints the answer: a child process that may not live to do so. */
import { createIdempotency } from "../../src/create-idempotency.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

const { TARGET = "{}", MODE } = process.env;
const prisma = await connect(JSON.parse(TARGET) as ClientTarget);
const idempotency = createIdempotency({ prisma });
const request = { operation: "orders.place", scope: "u", key: "k" };
const place = async ({ tx }: { tx: Tx }) => {
  await tx.order.create({ data: orderOf("k") });
  await tx.account.create({ data: { id: "a", balance: 1 } });
};
const { replayed } =
  MODE === "lease"
    ? await idempotency.runLeased({ ...request, leaseMs: 5_000 }, ({ transaction }) =>
        transaction("place", place),
      )
    : await idempotency.run(request, place);
process.stdout.write(replayed ? "replayed" : "executed");
await prisma.$disconnect();
