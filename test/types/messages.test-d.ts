import type { JsMsg } from "@nats-io/jetstream";
import type { ConsumeMessage } from "amqplib";
import type { EachMessagePayload } from "kafkajs";
import { createIdempotency } from "../../src/index.ts";
import {
  amqpDeliveries,
  amqpMessageId,
  consumeOnce,
  jetStreamDeliveries,
  jetStreamMsgId,
  kafkaHeader,
  sqsDeliveries,
  sqsMessageId,
} from "../../src/messages/index.ts";
import type { TestClient } from "../support/clients.ts";

declare const prisma: TestClient;
const base = { idempotency: createIdempotency({ prisma }), consumer: "shipping" };

// The readers ask for little; the handler says which client's message it is.
consumeOnce({ ...base, id: amqpMessageId, deliveries: amqpDeliveries })(
  async (message: ConsumeMessage, { tx }) => {
    await tx.order.count({ where: { key: message.fields.routingKey } });
  },
) satisfies (message: ConsumeMessage) => Promise<unknown>;

consumeOnce({
  ...base,
  id: jetStreamMsgId,
  deliveries: jetStreamDeliveries,
  onPoison: async (message: JsMsg, { tx }) =>
    void (await tx.order.count({ where: { key: message.subject } })),
})(async (message: JsMsg) => void message.seq) satisfies (message: JsMsg) => Promise<unknown>;

consumeOnce({ ...base, id: kafkaHeader("id") })(async (_: EachMessagePayload) => {}) satisfies (
  message: EachMessagePayload,
) => Promise<unknown>;

consumeOnce({ ...base, id: sqsMessageId, deliveries: sqsDeliveries })(
  async (_: { readonly messageId: string; readonly attributes: Record<string, string> }) => {},
);

// @ts-expect-error A handler of another kind of message than the reader's.
consumeOnce({ ...base, id: amqpMessageId })(async (_: EachMessagePayload) => {});
// @ts-expect-error The type of the transaction follows the client.
consumeOnce({ ...base, id: amqpMessageId })(async (_, { tx }) => void (await tx.noSuchModel.count()));

// What the handler gets follows the mode.
consumeOnce({ ...base, mode: "lease", id: amqpMessageId })(
  async (message: ConsumeMessage, { step, transaction }) => {
    await step("charge", ({ key }) => key);
    await transaction("ship", ({ tx }) => tx.order.count({ where: { key: message.fields.routingKey } }));
  },
);
// @ts-expect-error A leased handler has no transaction of its own.
consumeOnce({ ...base, mode: "lease", id: amqpMessageId })(async (_, { tx }) => void tx);
// @ts-expect-error Nor has one in a transaction any steps.
consumeOnce({ ...base, id: amqpMessageId })(async (_, { step }) => void step);
