/**
 * Exactly-once consumers for brokers that deliver at least once: an inbox.
 *
 * @module onceonly/messages
 */
export {
  type Consume,
  type ConsumeContext,
  type Consumption,
  consumeOnce,
  type MessageHandler,
} from "./consume-once.ts";
export { amqpDeliveries, jetStreamDeliveries, sqsDeliveries } from "./deliveries.ts";
export {
  type AmqpMessage,
  amqpMessageId,
  type CloudEvent,
  cloudEventId,
  type JetStreamMessage,
  jetStreamMsgId,
  jetStreamSequence,
  type KafkaMessage,
  kafkaHeader,
  kafkaOffset,
  type SqsMessage,
  sqsDeduplicationId,
  sqsMessageId,
} from "./message-ids.ts";
export type { ConsumeMode, ConsumeOptions, PoisonContext, PoisonReason } from "./options.ts";
