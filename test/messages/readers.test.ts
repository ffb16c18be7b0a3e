import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  amqpDeliveries,
  amqpMessageId,
  cloudEventId,
  consumeOnce,
  jetStreamDeliveries,
  jetStreamMsgId,
  jetStreamSequence,
  kafkaHeader,
  kafkaOffset,
  sqsDeduplicationId,
  sqsDeliveries,
  sqsMessageId,
} from "../../src/messages/index.ts";
import { withoutDatabase } from "../support/without-database.ts";

const info = { stream: "ORDERS", streamSequence: 7 };

describe("ids", () => {
  it("of Kafka are the place in the log, or a header", () => {
    const message = (headers?: Record<string, unknown>) => ({
      topic: "orders",
      partition: 3,
      message: { offset: "9007199254740993", ...(headers === undefined ? {} : { headers }) },
    });
    expect(kafkaOffset(message())).toBe("orders-3-9007199254740993");
    const read = kafkaHeader("message-id");
    expect(read(message({ "message-id": Buffer.from("m1") }))).toBe("m1");
    expect(read(message({ "message-id": "m1" }))).toBe("m1");
    for (const value of [undefined, "", ["m1", "m2"], 5, null])
      expect(read(message({ "message-id": value })) ?? "").toBe("");
    expect(read(message())).toBe(undefined);
  });

  it("that are bytes differ as soon as their bytes do, in every reader", () => {
    const headerOf = (id: unknown) =>
      kafkaHeader("id")({ topic: "t", partition: 0, message: { offset: "0", headers: { id } } });
    const integer = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(BigInt(value));
      return bytes;
    };
    const integers = Array.from({ length: 1_000 }, (_, index) => headerOf(integer(index + 1)));
    expect(new Set(integers).size).toBe(1_000);
    expect(headerOf(Buffer.from([0xff]))).toBe("base64:/w==");
    expect(headerOf(Buffer.from("base64:/w=="))).toBe(headerOf("base64:/w=="));
    expect(headerOf("base64:/w==")).not.toBe("base64:/w==");
    expect(headerOf(new Uint8Array(0))).toBeUndefined();
    expect(amqpMessageId({ properties: { messageId: Buffer.from([0xff]) } })).toBe("base64:/w==");
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (one, other) => {
        expect(headerOf(one) === headerOf(other)).toBe(Buffer.compare(one, other) === 0);
      }),
    );
  });

  it("of Kafka differ as soon as topic, partition or offset do", () => {
    const place = fc.tuple(fc.stringMatching(/^[a-z0-9-]{1,6}$/), fc.nat(30), fc.nat(300));
    const idOf = ([topic, partition, offset]: [string, number, number]) =>
      kafkaOffset({ topic, partition, message: { offset: String(offset) } });
    fc.assert(
      fc.property(place, place, (a, b) => (idOf(a) === idOf(b)) === (a.join("/") === b.join("/"))),
      { numRuns: 2_000 },
    );
    expect(idOf(["a-1", 2, 3])).not.toBe(idOf(["a", 1, 3]));
  });

  it("of AMQP are the property message-id", () => {
    expect(amqpMessageId({ properties: { messageId: "m1" } })).toBe("m1");
    for (const messageId of [undefined, "", 5, null])
      expect(amqpMessageId({ properties: { messageId } })).toBe(undefined);
  });

  it("of JetStream are the place in the stream, or the publisher's header", () => {
    expect(jetStreamSequence({ info })).toBe("ORDERS:7");
    expect(jetStreamMsgId({ info, headers: { get: (name) => (name === "Nats-Msg-Id" ? "m1" : "") } })).toBe(
      "m1",
    );
    expect(jetStreamMsgId({ info, headers: { get: () => "" } })).toBe(undefined);
    expect(jetStreamMsgId({ info })).toBe(undefined);
  });

  // As ReceiveMessage of the AWS SDK 3 gives a message, and Lambda an event record.
  const sdk = {
    MessageId: "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
    ReceiptHandle: "MessageReceiptHandle",
    Body: "{}",
    Attributes: { ApproximateReceiveCount: "3", SentTimestamp: "1", MessageDeduplicationId: "d1" },
  };
  const lambda = {
    messageId: "059f36b4-87a3-44ab-83d2-661975830a7d",
    receiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
    body: "{}",
    attributes: { ApproximateReceiveCount: "2", messageDeduplicationId: "d2" },
    eventSource: "aws:sqs",
  };

  it("of SQS are its own, or the producer's of a FIFO queue", () => {
    expect([sqsMessageId(sdk), sqsMessageId(lambda), sqsMessageId({})]).toEqual([
      sdk.MessageId,
      lambda.messageId,
      undefined,
    ]);
    expect([sqsDeduplicationId(sdk), sqsDeduplicationId(lambda), sqsDeduplicationId({})]).toEqual([
      "d1",
      "d2",
      undefined,
    ]);
    expect([sqsDeliveries(sdk), sqsDeliveries(lambda), sqsDeliveries({})]).toEqual([3, 2, undefined]);
    expect(sqsDeliveries({ Attributes: { ApproximateReceiveCount: "many" } })).toBe(undefined);
  });

  it("of CloudEvents are source and id together", () => {
    expect(cloudEventId({ source: "/shop/1", id: "a b" })).toBe("/shop/1 a b");
    expect(cloudEventId({ source: "/shop", id: "1" })).not.toBe(
      cloudEventId({ source: "/shop/1", id: "" }) ?? "",
    );
    for (const event of [
      {},
      { source: "/s" },
      { id: "1" },
      { source: "", id: "1" },
      { source: "a b", id: "1" },
      { source: 1, id: 2 },
    ]) {
      expect(cloudEventId(event)).toBe(undefined);
    }
  });
});

describe("deliveries", () => {
  it("of RabbitMQ are what quorum queues count, and rejections that came back", () => {
    const read = (headers?: Record<string, unknown>) =>
      amqpDeliveries({ properties: headers === undefined ? {} : { headers } });
    expect(read({ "x-delivery-count": 2 })).toBe(3);
    const death = [
      { reason: "rejected", count: 2, queue: "orders" },
      { reason: "expired", count: 2, queue: "orders.wait" },
    ];
    expect(read({ "x-death": death })).toBe(3);
    expect(read({ "x-death": death, "x-delivery-count": 1 })).toBe(4);
    for (const headers of [
      undefined,
      {},
      { "x-death": "no" },
      { "x-death": [null, 5, {}] },
      { "x-delivery-count": "3" },
    ]) {
      expect(read(headers)).toBe(undefined);
    }
  });

  it("of JetStream are those of both clients", () => {
    expect(jetStreamDeliveries({ info: { ...info, deliveryCount: 2 } })).toBe(2);
    expect(jetStreamDeliveries({ info: { ...info, redeliveryCount: 3 } })).toBe(3);
    expect(jetStreamDeliveries({ info })).toBe(undefined);
  });
});

describe("an option of consumeOnce that cannot be used", () => {
  const idempotency = withoutDatabase();
  const good = { idempotency, consumer: "shipping", id: () => "m1" };

  it.each<[string, unknown]>([
    ["idempotency", {}],
    ["consumer", ""],
    ["consumer", "x".repeat(201)],
    ["consumer", "a\0b"],
    ["consumer", 5],
    ["id", "messageId"],
    ["id", undefined],
    ["input", 5],
    ["onPoison", true],
    ["attemptsMax", 0],
    ["attemptsMax", "3"],
    ["deliveries", 3],
    ["storeError", () => true],
    ["waitMs", -1],
  ])("%s is refused at once, by its name: %j", (option, value) => {
    const message = new RegExp(`^onceonly: option ${option} .*; give .`);
    const options = { ...good, onPoison: async () => {}, [option]: value };
    expect(() => consumeOnce(options as never)).toThrow(message);
  });

  it("is attemptsMax without onPoison", () => {
    expect(() => consumeOnce({ ...good, attemptsMax: 3 })).toThrow(/option onPoison .*attemptsMax/);
  });

  it("is the first argument, or the handler, where that is none", () => {
    expect(() => consumeOnce(undefined as never)).toThrow(/first argument/);
    expect(() => consumeOnce(good)(undefined as never)).toThrow(/the handler/);
  });
});
