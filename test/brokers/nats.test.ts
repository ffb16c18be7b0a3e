import { randomUUID } from "node:crypto";
import { AckPolicy, type JsMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, headers, nanos } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import {
  type ConsumeOptions,
  consumeOnce,
  jetStreamDeliveries,
  jetStreamMsgId,
  jetStreamSequence,
} from "../../src/messages/index.ts";
import { ship, shipped, type Transaction } from "../messages/support.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { NATS_URL, natsIsThere } from "./brokers.ts";

/** A message that is not acknowledged within `ackWaitMs` is delivered again, also while it is worked on. */
async function openStream(ackWaitMs = 600_000) {
  const connection = await connect({ servers: NATS_URL });
  const manager = await jetstreamManager(connection);
  const stream = `onceonly-${randomUUID()}`;
  const duplicate_window = nanos(100);
  await manager.streams.add({ name: stream, subjects: [stream], duplicate_window });
  await manager.consumers.add(stream, {
    durable_name: "shipping",
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ackWaitMs),
  });
  const client = jetstream(connection);
  return {
    async publish(body: string, id?: string) {
      const sent = headers();
      if (id !== undefined) sent.set("Nats-Msg-Id", id);
      return (await client.publish(stream, body, { headers: sent })).duplicate;
    },
    messages: async () => (await client.consumers.get(stream, "shipping")).consume(),
    /** Neither waiting nor delivered without an acknowledgement. */
    async isDone() {
      const { num_ack_pending, num_pending } = await manager.consumers.info(stream, "shipping");
      return num_ack_pending === 0 && num_pending === 0;
    },
    async [Symbol.asyncDispose]() {
      await manager.streams.delete(stream);
      await connection.close();
    },
  };
}

type Given = Partial<ConsumeOptions<Transaction, JsMsg>>;

function consumer(db: TestDatabase, options: Given = {}) {
  const base = {
    idempotency: createIdempotency({ prisma: db.prisma }),
    consumer: "shipping",
    id: jetStreamSequence,
  };
  return consumeOnce<Transaction, JsMsg>({ ...base, ...options })(async (message, { tx }) => {
    await ship(tx, message.string());
    if (message.string().startsWith("bad")) throw new Error("out of crates");
  });
}

const onPoison: NonNullable<Given["onPoison"]> = async (message, { tx, reason }) => {
  await ship(tx, `${reason} ${message.string()}`);
};

/** The loop of the guide, up to the message `until`. */
async function work(
  messages: AsyncIterable<JsMsg>,
  consume: ReturnType<typeof consumer>,
  isOver: (seen: readonly string[]) => boolean,
): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of messages) {
    try {
      const { outcome, replayed } = await consume(message);
      await message.ackAck();
      seen.push(`${message.string()} ${outcome}${replayed ? " before" : ""}`);
    } catch {
      message.nak();
      seen.push(`${message.string()} failed`);
    }
    if (isOver(seen)) break;
  }
  return seen;
}

describe.runIf(await natsIsThere()).each(databases)("NATS JetStream, on $name", ({ open }) => {
  it("a message that is delivered again after its COMMIT is acknowledged without running", async () => {
    await using db = await open();
    await using stream = await openStream(500);
    const consume = consumer(db);
    await stream.publish("order 1");
    // Committed, and never acknowledged: the server delivers it again when ack_wait has passed.
    for await (const message of await stream.messages()) {
      await consume(message);
      break;
    }
    const seen = await work(await stream.messages(), consume, () => true);
    expect(seen).toEqual(["order 1 consumed before"]);
    expect(await shipped(db)).toEqual(["order 1"]);
    expect(await stream.isDone()).toBe(true);
  });

  it("a message that is published again after the server's window is known by its Nats-Msg-Id", async () => {
    await using db = await open();
    await using stream = await openStream();
    await stream.publish("order 1", "1");
    // The server has forgotten the id once it takes it again.
    await expect.poll(() => stream.publish("order 1", "1"), { interval: 100 }).toBe(false);
    const seen = await work(
      await stream.messages(),
      consumer(db, { id: jetStreamMsgId }),
      ({ length }) => length === 2,
    );
    expect(seen).toEqual(["order 1 consumed", "order 1 consumed before"]);
    expect(await shipped(db)).toEqual(["order 1"]);
  });

  it.each([
    ["the server's count", jetStreamDeliveries],
    ["the database's count", undefined],
  ])("a message that always fails goes to onPoison at its third delivery, by %s", async (_, deliveries) => {
    await using db = await open();
    await using stream = await openStream();
    for (const [body, id] of [["bad order", "1"], ["no id"], ["order 2", "2"]] as const)
      await stream.publish(body, id);
    const options: Given = { id: jetStreamMsgId, onPoison, attemptsMax: 3 };
    const consume = consumer(db, deliveries === undefined ? options : { ...options, deliveries });
    const seen = await work(await stream.messages(), consume, ({ length }) => length === 5);
    expect(new Set(seen)).toEqual(
      new Set(["bad order failed", "bad order poisoned", "no id poisoned", "order 2 consumed"]),
    );
    expect(await shipped(db)).toEqual(["attempts bad order", "no_id no id", "order 2"]);
    expect(await stream.isDone()).toBe(true);
  });
});
