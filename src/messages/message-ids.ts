/**
 * Functions that read message ids. They accept messages by their shape, as the usual clients deliver them, and return
 * `undefined` for a message without an id.
 */

/** A Kafka message as kafkajs, or a client with the same interface, passes it to `eachMessage`. */
export interface KafkaMessage {
  readonly topic: string;
  readonly partition: number;
  readonly message: {
    readonly offset: string;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
}

/**
 * `topic-partition-offset`: the place in the log, which no two messages share. It recognises a message that is delivered
 * again, not one that its producer wrote twice. A topic that is deleted and created again counts from 0 again: give the
 * topic or the consumer another name.
 */
export function kafkaOffset({ topic, partition, message: { offset } }: KafkaMessage): string {
  return `${topic}-${partition}-${offset}`;
}

/**
 * A header that the producer sets, for example `kafkaHeader("message-id")`. Bytes that are not UTF-8, such as those of an
 * integer, give `base64:` and their base64. A header that is sent twice counts as missing.
 */
export function kafkaHeader(name: string): (message: KafkaMessage) => string | undefined {
  return ({ message: { headers } }) => {
    const value = headers?.[name];
    return textIn(value);
  };
}

/** An AMQP message as amqplib gives it. */
export interface AmqpMessage {
  readonly properties: {
    readonly messageId?: unknown;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
}

/** The property `message-id`, which the publisher sets. */
export function amqpMessageId({ properties }: AmqpMessage): string | undefined {
  return textIn(properties.messageId);
}

/** A JetStream message as `@nats-io/jetstream` and `nats` give it. */
export interface JetStreamMessage {
  readonly info: {
    readonly stream: string;
    readonly streamSequence: number;
    /** From `@nats-io/jetstream`. */
    readonly deliveryCount?: number;
    /** From `nats`. */
    readonly redeliveryCount?: number;
  };
  readonly headers?: { get(name: string): string } | undefined;
}

/**
 * `stream:sequence`: the place in the stream. It recognises a message that is delivered again, not one that its publisher
 * wrote twice. A stream that is deleted and created again counts from 1 again: give the stream or the consumer another
 * name.
 */
export function jetStreamSequence({ info: { stream, streamSequence } }: JetStreamMessage): string {
  return `${stream}:${streamSequence}`;
}

/** The header `Nats-Msg-Id`, which the publisher sets. The server itself compares it for only two minutes. */
export function jetStreamMsgId({ headers }: JetStreamMessage): string | undefined {
  return textIn(headers?.get("Nats-Msg-Id"));
}

/** A message of SQS, as the AWS SDK (`MessageId`) or a Lambda function (`messageId`) gets it. */
export interface SqsMessage {
  readonly MessageId?: string | undefined;
  readonly messageId?: string | undefined;
  readonly Attributes?: Readonly<Record<string, string | undefined>> | undefined;
  readonly attributes?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The id that SQS gave the message. A producer that sends a message again makes a new id. */
export function sqsMessageId({ MessageId, messageId }: SqsMessage): string | undefined {
  return textIn(MessageId ?? messageId);
}

/** The deduplication id that the producer gave a FIFO queue. The queue itself compares it for only five minutes. */
export function sqsDeduplicationId({ Attributes, attributes }: SqsMessage): string | undefined {
  return textIn(Attributes?.["MessageDeduplicationId"] ?? attributes?.["messageDeduplicationId"]);
}

/** The context attributes that identify a CloudEvent. */
export interface CloudEvent {
  readonly source?: unknown;
  readonly id?: unknown;
}

/** `source` and `id`, which together are unique (CloudEvents 1.0, section "id"). */
export function cloudEventId({ source, id }: CloudEvent): string | undefined {
  const [where, which] = [textIn(source), textIn(id)];
  // A URI reference has no spaces: the first one ends it.
  return where === undefined || which === undefined || where.includes(" ") ? undefined : `${where} ${which}`;
}

const BASE64 = "base64:";

/**
 * An id as text. Ids are bytes: what is not UTF-8 is written in base64, as all of it would look the same otherwise. So is a
 * text that looks like that.
 */
function textIn(value: unknown): string | undefined {
  if (typeof value === "string") {
    return value.startsWith(BASE64) ? inBase64(Buffer.from(value)) : value || undefined;
  }
  if (!(value instanceof Uint8Array) || value.length === 0) {
    return undefined;
  }
  const bytes = Buffer.from(value);
  const text = bytes.toString("utf8");
  return text.startsWith(BASE64) || !Buffer.from(text).equals(bytes) ? inBase64(bytes) : text;
}

function inBase64(bytes: Buffer): string {
  return BASE64 + bytes.toString("base64");
}
