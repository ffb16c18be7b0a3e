/** A member of a consumer group, to be killed. */
import { type EachMessagePayload, Kafka, logLevel } from "kafkajs";
import { createIdempotency } from "../../src/index.ts";
import { consumeOnce, kafkaOffset } from "../../src/messages/index.ts";
import { ship } from "../messages/support.ts";
import { type ClientTarget, connect } from "../support/clients.ts";
import { parentPort } from "../support/worker.ts";

export interface MemberData {
  target: ClientTarget;
  brokers: string[];
  by: string;
}

export type FromMember = { type: "consumed"; replayed: boolean };

const port = await parentPort<MemberData, FromMember>();
const { target, brokers, by } = port.data;
const idempotency = createIdempotency({ prisma: await connect(target, { max: 4 }) });
const consume = consumeOnce({ idempotency, consumer: "shipping", id: kafkaOffset })(
  async ({ message }: EachMessagePayload, { tx }) => ship(tx, message.value?.toString() ?? "", by),
);
const kafka = new Kafka({
  brokers,
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 20, retries: 50 },
});
const member = kafka.consumer({ groupId: "shipping", sessionTimeout: 6_000, heartbeatInterval: 500 });
await member.connect();
await member.subscribe({ topic: "orders", fromBeginning: true });
await member.run({
  partitionsConsumedConcurrently: 4,
  eachMessage: async (payload) => {
    const { replayed } = await consume(payload);
    port.send({ type: "consumed", replayed });
  },
});
