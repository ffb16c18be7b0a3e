import { randomUUID } from "node:crypto";
import { type Options as AmqpOptions, type Channel, type ConsumeMessage, connect } from "amqplib";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import {
  amqpDeliveries,
  amqpMessageId,
  type ConsumeOptions,
  type Consumption,
  consumeOnce,
} from "../../src/messages/index.ts";
import { ship, shipped, type Transaction } from "../messages/support.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { RABBITMQ_URL, rabbitmqIsThere } from "./brokers.ts";

interface Queue extends AsyncDisposable {
  name: string;
  channel: Channel;
  /** Connects anew, as a process that takes over. What was not acknowledged is delivered again. */
  reconnect(): Promise<Channel>;
  publish(body: string, options?: AmqpOptions.Publish): void;
}

async function openQueue(options: AmqpOptions.AssertQueue): Promise<Queue> {
  const name = `onceonly-${randomUUID()}`;
  let connection = await connect(RABBITMQ_URL);
  let channel = await connection.createChannel();
  await channel.assertQueue(name, options);
  return {
    name,
    get channel() {
      return channel;
    },
    async reconnect() {
      await connection.close();
      connection = await connect(RABBITMQ_URL);
      channel = await connection.createChannel();
      return channel;
    },
    publish: (body, publishOptions) => void channel.sendToQueue(name, Buffer.from(body), publishOptions),
    async [Symbol.asyncDispose]() {
      await channel.deleteQueue(name);
      await connection.close();
    },
  };
}

const timeout = 20_000;
const quorum = { durable: true, arguments: { "x-queue-type": "quorum" } };

const bodyOf = ({ content }: ConsumeMessage) => content.toString();

/** The loop of the guide. */
async function work(
  channel: Channel,
  queue: string,
  consume: (message: ConsumeMessage) => Promise<Consumption>,
  seen: (result: string) => void = () => {},
) {
  await channel.prefetch(10);
  const handle = async (message: ConsumeMessage) => {
    try {
      const { outcome, replayed } = await consume(message);
      channel.ack(message);
      seen(`${bodyOf(message)} ${outcome}${replayed ? " before" : ""}`);
    } catch {
      channel.nack(message);
      seen(`${bodyOf(message)} failed`);
    }
  };
  return channel.consume(queue, (message) => {
    if (message !== null) void handle(message);
  });
}

type Given = Partial<ConsumeOptions<Transaction, ConsumeMessage>>;

function consumer(db: TestDatabase, options: Given = {}) {
  const base = {
    idempotency: createIdempotency({ prisma: db.prisma }),
    consumer: "shipping",
    id: amqpMessageId,
  };
  return consumeOnce<Transaction, ConsumeMessage>({ ...base, ...options })(async (message, { tx }) => {
    await ship(tx, bodyOf(message));
    if (bodyOf(message).startsWith("bad")) throw new Error("out of crates");
  });
}

const onPoison: NonNullable<Given["onPoison"]> = async (message, { tx, reason }) => {
  await ship(tx, `${reason} ${bodyOf(message)}`);
};

const sorted = (texts: readonly string[]) => [...texts].sort((a, b) => (a < b ? -1 : 1));

describe.runIf(await rabbitmqIsThere()).each(databases)("RabbitMQ, on $name", ({ open }) => {
  it("a message that is published twice is consumed once, and both are acknowledged", async () => {
    await using db = await open();
    await using queue = await openQueue(quorum);
    const seen: string[] = [];
    await work(queue.channel, queue.name, consumer(db), (result) => seen.push(result));
    for (const id of ["1", "2", "1", "1"]) queue.publish(`order ${id}`, { messageId: id });
    await expect.poll(() => seen.length, { timeout }).toBe(4);
    expect(sorted(seen)).toEqual([
      "order 1 consumed",
      "order 1 consumed before",
      "order 1 consumed before",
      "order 2 consumed",
    ]);
    expect(await shipped(db)).toEqual(["order 1", "order 2"]);
    await queue.reconnect();
    expect(await queue.channel.checkQueue(queue.name)).toMatchObject({ messageCount: 0 });
  });

  it("a consumer that goes between COMMIT and acknowledgement: its heir acknowledges without running", async () => {
    await using db = await open();
    await using queue = await openQueue(quorum);
    const consume = consumer(db);
    let committed = false;
    const consumeOnly = async (message: ConsumeMessage) => {
      await consume(message);
      committed = true;
    };
    await queue.channel.consume(queue.name, (message) => {
      if (message !== null) void consumeOnly(message);
    });
    queue.publish("order 1", { messageId: "1" });
    await expect.poll(() => committed, { timeout }).toBe(true);
    const channel = await queue.reconnect();
    const seen: string[] = [];
    await work(channel, queue.name, consume, (result) => seen.push(result));
    await expect.poll(() => seen, { timeout }).toEqual(["order 1 consumed before"]);
    expect(await shipped(db)).toEqual(["order 1"]);
  });

  it.each([
    ["quorum queue, by the broker's count", quorum, amqpDeliveries],
    ["quorum queue, by the database's count", quorum, undefined],
    ["classic queue, which does not count", { durable: false }, amqpDeliveries],
  ])(
    "a message that always fails goes to onPoison at its third delivery, and holds up no other: %s",
    async (_, arguments_, deliveries) => {
      await using db = await open();
      await using queue = await openQueue(arguments_);
      const seen: string[] = [];
      const consume = consumer(db, {
        onPoison,
        attemptsMax: 3,
        ...(deliveries === undefined ? {} : { deliveries }),
      });
      await work(queue.channel, queue.name, consume, (result) => seen.push(result));
      queue.publish("bad order", { messageId: "1" });
      queue.publish("no id");
      queue.publish("order 2", { messageId: "2" });
      await expect.poll(() => seen.length, { timeout }).toBe(5);
      expect(sorted(seen)).toEqual([
        "bad order failed",
        "bad order failed",
        "bad order poisoned",
        "no id poisoned",
        "order 2 consumed",
      ]);
      expect(await shipped(db)).toEqual(["attempts bad order", "no_id no id", "order 2"]);
    },
  );

  it("counts the rejections of a message that comes back through a dead-letter exchange", async () => {
    await using db = await open();
    await using wait = await openQueue({ durable: false });
    await using queue = await openQueue({
      durable: false,
      deadLetterExchange: "",
      deadLetterRoutingKey: wait.name,
    });
    // What is rejected comes back, as with a queue of delayed retries.
    await wait.channel.consume(wait.name, (message) => {
      if (message === null) return;
      wait.channel.sendToQueue(queue.name, message.content, message.properties);
      wait.channel.ack(message);
    });
    const counts: unknown[] = [];
    const deliveries = (message: ConsumeMessage) => {
      const count = amqpDeliveries(message);
      counts.push(count);
      return count;
    };
    const consume = consumer(db, { onPoison, attemptsMax: 3, deliveries });
    const { channel } = queue;
    let poisoned = false;
    const handle = async (message: ConsumeMessage) => {
      try {
        poisoned = (await consume(message)).outcome === "poisoned";
        channel.ack(message);
      } catch {
        channel.reject(message, false);
      }
    };
    await channel.consume(queue.name, (message) => {
      if (message !== null) void handle(message);
    });
    queue.publish("bad order", { messageId: "1" });
    await expect.poll(() => poisoned, { timeout }).toBe(true);
    expect(counts).toEqual([undefined, 2, 3]);
    expect(await shipped(db)).toEqual(["attempts bad order"]);
  });
});
