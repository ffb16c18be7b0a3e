import type { AmqpMessage, JetStreamMessage, SqsMessage } from "./message-ids.ts";

/** Readers of how often a broker has delivered a message, 1 for the first time; `undefined` where it does not count. */

/**
 * Of RabbitMQ: `x-delivery-count` of quorum queues, plus how often the message was rejected to a dead-letter exchange and
 * came back (`x-death`). Classic queues do not count what is requeued: `undefined`.
 */
export function amqpDeliveries({ properties: { headers } }: AmqpMessage): number | undefined {
  const redeliveries = countIn(headers?.["x-delivery-count"]);
  const deaths: unknown = headers?.["x-death"];
  const rejections = Array.isArray(deaths)
    ? (deaths as { reason?: unknown; count?: unknown }[])
        .filter((death) => death?.reason === "rejected")
        .reduce((sum, { count }) => sum + (countIn(count) ?? 0), 0)
    : 0;
  return redeliveries === undefined && rejections === 0 ? undefined : (redeliveries ?? 0) + rejections + 1;
}

/** Of JetStream: `info.deliveryCount`, which the older client calls `redeliveryCount`. */
export function jetStreamDeliveries({ info }: JetStreamMessage): number | undefined {
  return countIn(info.deliveryCount ?? info.redeliveryCount);
}

/** Of SQS: `ApproximateReceiveCount`, which the SDK gives only if it is asked for. */
export function sqsDeliveries({ Attributes, attributes }: SqsMessage): number | undefined {
  return countIn(Number((Attributes ?? attributes)?.["ApproximateReceiveCount"]));
}

function countIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
