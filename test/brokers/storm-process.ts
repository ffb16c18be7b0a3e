/** A consumer of several queues, to be killed. */
import { type Channel, type ConsumeMessage, connect as connectRabbit } from "amqplib";
import { createIdempotency } from "../../src/index.ts";
import { amqpMessageId, consumeOnce } from "../../src/messages/index.ts";
import { ship } from "../messages/support.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { parentPort } from "../support/worker.ts";

export interface StormData {
  target: ClientTarget;
  rabbit: string;
  queues: string[];
  by: string;
}

export type FromStorm = { type: "ready" } | { type: "acknowledged"; replayed: boolean };

const port = await parentPort<StormData, FromStorm>();
const { target, rabbit, queues, by } = port.data;
// The server is not what is killed here: it need not flush each COMMIT.
const prisma = await connect(target, { max: 8, serverOptions: "-c TimeZone=UTC -c synchronous_commit=off" });
const patient = { waitMs: 60_000, transaction: { maxWaitMs: 60_000, timeoutMs: 60_000 } };
const idempotency = createIdempotency({ prisma, ...patient });
const consume = consumeOnce({ idempotency, consumer: "shipping", id: amqpMessageId })(
  async (message: ConsumeMessage, { tx }) => {
    await ship(tx, message.content.toString(), by);
  },
);

async function consumed(channel: Channel, message: ConsumeMessage): Promise<void> {
  const { replayed } = await consume(message);
  channel.ack(message);
  port.send({ type: "acknowledged", replayed });
}

const connection = await connectRabbit(rabbit);
for (const queue of queues) {
  const channel = await connection.createChannel();
  await channel.prefetch(8);
  await channel.consume(queue, (message) => {
    if (message === null) return;
    void consumed(channel, message);
  });
}
port.send({ type: "ready" });
