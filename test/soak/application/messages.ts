import { type ConsumeMessage, connect } from "amqplib";
import { amqpMessageId, consumeOnce } from "../../../src/messages/index.ts";
import type { Application } from "./application.ts";
import { ship, type Wanted } from "./mutations.ts";

/** Consumes orders to ship, from a queue that all processes of the application share. */
export async function consumeFrom(
  rabbit: string,
  queue: string,
  { idempotency, by, tellCommitted }: Application,
): Promise<void> {
  const consume = consumeOnce({ idempotency, consumer: "shipping", id: amqpMessageId })(
    async (message: ConsumeMessage, { tx, afterCommit }) => {
      const wanted = JSON.parse(message.content.toString()) as Wanted;
      afterCommit(() => tellCommitted(wanted.intent));
      await ship(tx, wanted, by);
    },
  );
  const connection = await connect(rabbit);
  const channel = await connection.createChannel();
  await channel.prefetch(8);
  await channel.consume(queue, (message) => {
    if (message === null) return;
    consume(message).then(
      () => channel.ack(message),
      // Back into the queue, and not at once.
      () => setTimeout(() => channel.nack(message), 100),
    );
  });
}
