import type { AmqpMessage, JetStreamMessage, SqsMessage } from "./message-ids.ts";

/**
 * Functions that read how often a broker has delivered a message: 1 for the first time, `undefined` if it does not count.
 */

/**
 * For RabbitMQ: `x-delivery-count` of quorum queues, plus how often the message was rejected to a dead-letter exchange
 * and came back (`x-death`). Classic queues do not count requeued messages: `undefined`.
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

/** For JetStream: `info.deliveryCount`, which the older client calls `redeliveryCount`. */
export function jetStreamDeliveries({ info }: JetStreamMessage): number | undefined {
  return countIn(info.deliveryCount ?? info.redeliveryCount);
}

/** For SQS: `ApproximateReceiveCount`, which the SDK returns only if asked for it. */
export function sqsDeliveries({ Attributes, attributes }: SqsMessage): number | undefined {
  return countIn(Number((Attributes ?? attributes)?.["ApproximateReceiveCount"]));
}

/** Whether a message of any broker says that it was delivered before. Only a hint, so no message fails by it. */
export function isRedelivered(message: unknown): boolean {
  const { fields, redelivered, info } = (message ?? {}) as {
    readonly fields?: { readonly redelivered?: unknown } | null;
    readonly redelivered?: unknown;
    readonly info?: JetStreamMessage["info"] | null;
  };
  const count = info ? jetStreamDeliveries({ info }) : sqsDeliveries(message as SqsMessage);
  return fields?.redelivered === true || redelivered === true || (count ?? 1) > 1;
}

function countIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
