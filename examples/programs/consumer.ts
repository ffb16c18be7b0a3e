/**
 * A consumer behind a broker that delivers at least once. The broker is a list here; docs/guides/messages.md has the loops
 * of the real ones. `node --import tsx examples/programs/consumer.ts`
 */
import { consumeOnce } from "onceonly/messages";
import { createTables, idempotency, prisma } from "../database/index.ts";

interface Message {
  readonly messageId?: string;
  readonly body: string;
}

const ship = consumeOnce({
  idempotency,
  consumer: "shipping",
  id: ({ messageId }: Message) => messageId,
  attemptsMax: 2,
  onPoison: async ({ body }, { tx, reason }) => {
    await tx.deadLetter.create({ data: { reason, body } });
  },
})(async ({ body }, { tx }) => {
  const { orderId } = JSON.parse(body) as { orderId: string };
  await tx.shipment.create({ data: { orderId } });
});

await createTables();
const queue: Message[] = [
  { messageId: "m1", body: '{"orderId":"tea"}' },
  { messageId: "m2", body: '{"orderId":"cake"}' },
  { messageId: "m1", body: '{"orderId":"tea"}' }, // delivered again: its acknowledgement was lost
  { messageId: "m3", body: "not what it should be" },
  { body: '{"orderId":"milk"}' },
];
for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
  try {
    const { outcome, replayed } = await ship(message);
    console.log(`${message.messageId}: ${outcome}${replayed ? " before" : ""}`); // and acknowledged
  } catch (error) {
    console.log(`${message.messageId}: ${(error as Error).name}`);
    queue.push(message); // delivered again
  }
}
console.log(`shipped: ${(await prisma.shipment.findMany()).map(({ orderId }) => orderId).join(", ")}`);
for (const { reason, body } of await prisma.deadLetter.findMany()) console.log(`dead: ${reason}, ${body}`);
await prisma.$disconnect();
