import { createHash } from "node:crypto";
import { misuse, typeOf } from "../core/browser/option-checks.ts";
import { answeredAtOnce } from "../core/contract/callbacks.ts";
import { IdempotencyError, isIdempotencyError } from "../core/contract/errors/errors.ts";
import type { LeaseContext, RunContext } from "../core/contract/idempotency.ts";
import { Attempts } from "./attempts.ts";
import { isRedelivered } from "./deliveries.ts";
import { checkAnswer } from "./handler-answer.ts";
import {
  type ConsumeMode,
  type ConsumeOptions,
  type PoisonReason,
  type Settings,
  settingsOf,
} from "./options.ts";
import { rethrowingAfter } from "./poison-errors.ts";
import { SCOPE } from "./scope.ts";

/** What a handler gets besides the message, depending on option `mode`. */
export type ConsumeContext<TTransaction, TMode extends ConsumeMode> = TMode extends "lease"
  ? LeaseContext<TTransaction>
  : RunContext<TTransaction>;

/** Consumes a message; resolves when the message is done with and may be recorded. Its value is not kept. */
export type MessageHandler<TTransaction, TMessage, TMode extends ConsumeMode = "transaction"> = (
  message: TMessage,
  context: ConsumeContext<TTransaction, TMode>,
) => Promise<unknown>;

/** Consumes a message: acknowledge it when this resolves, have it delivered again when it rejects. */
export type Consume<TMessage> = (message: TMessage) => Promise<Consumption>;

/** What became of a message. In every case the outcome is committed, and the message must be acknowledged. */
export interface Consumption {
  /** Whether the handler consumed it, or `onPoison` took it. */
  readonly outcome: "consumed" | "poisoned";
  /** Whether that happened at an earlier delivery. */
  readonly replayed: boolean;
}

/**
 * Makes a consumer of messages exactly-once, over a broker that delivers at least once. An inbox record and what the
 * handler writes through `tx` commit together; a redelivery is recognised by the message's id, and the handler does not
 * run.
 *
 *     const consume = consumeOnce({ idempotency, consumer: "shipping", id: amqpMessageId })(
 *       async (message, { tx }) => { await tx.shipment.create(...); },
 *     );
 *     await consume(message); // then acknowledge; when it rejects, have it delivered again
 *
 * A handler that fails leaves no trace, and its message is delivered again. After `attemptsMax` failures, as counted by
 * the broker (`deliveries`) or in the database, `onPoison` gets the message, and its writes commit with the inbox record.
 * An unavailable store and a duplicate under way elsewhere do not count as failures in the database; a broker counts every
 * delivery.
 *
 * With `mode: "lease"` the handler gets `step` and `transaction` instead of `tx`, for messages that call other services.
 *
 * The record is kept for `retentionMs`, by default 24 hours: make that longer than the time in which the broker may
 * deliver a message again.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function consumeOnce<TTransaction, TMessage, const TMode extends ConsumeMode = "transaction">(
  options: ConsumeOptions<TTransaction, TMessage, TMode>,
): <TDelivered extends TMessage>(
  handler: MessageHandler<TTransaction, TDelivered, TMode>,
) => Consume<TDelivered> {
  const settings = settingsOf(options);
  return <TDelivered extends TMessage>(handler: MessageHandler<TTransaction, TDelivered, TMode>) => {
    if (typeof handler !== "function") {
      throw misuse("(the handler)", handler, "a function such as async (message, { tx }) => { ... }");
    }
    return (message: TDelivered) =>
      settings.mode === "lease"
        ? consumeLeased(settings, handler as MessageHandler<TTransaction, TDelivered, "lease">, message)
        : consume(settings, handler as MessageHandler<TTransaction, TDelivered>, message);
  };
}

async function consume<TTransaction, TMessage, TDelivered extends TMessage>(
  settings: Settings<TTransaction, TMessage>,
  handler: MessageHandler<TTransaction, TDelivered>,
  message: TDelivered,
): Promise<Consumption> {
  const { onPoison } = settings;
  const entry = entryOf(settings, message);
  if (entry.key === undefined) {
    return poisonUnrecorded(settings, message, "no_id", entry.error);
  }
  const attempts = new Attempts(settings, entry.key);
  const deliveries = deliveriesOf(settings, message);
  if (onPoison !== undefined && (await attempts.isSpent(deliveries))) {
    return poison(settings, message, entry, undefined);
  }
  try {
    return await record(settings, { ...entry, isRetry: isRetry(message, deliveries) }, async (context) => {
      checkAnswer(settings.consumer, await handler(message, context));
      return "consumed";
    });
  } catch (error) {
    return failed(settings, message, entry, error, () => attempts.isLast(deliveries));
  }
}

/**
 * The record of a leased run counts its attempts, as a broker counts deliveries: including those that ended a process, and
 * those that an outage of the database ended.
 */
async function consumeLeased<TTransaction, TMessage, TDelivered extends TMessage>(
  settings: Settings<TTransaction, TMessage>,
  handler: MessageHandler<TTransaction, TDelivered, "lease">,
  message: TDelivered,
): Promise<Consumption> {
  const { consumer, onPoison, idempotency } = settings;
  const entry = entryOf(settings, message);
  if (entry.key === undefined) {
    return poisonUnrecorded(settings, message, "no_id", entry.error);
  }
  const attempts = new Attempts(settings, entry.key);
  let attempt = 0;
  try {
    const request = { ...entry, operation: consumer, scope: SCOPE };
    const { value, replayed } = await idempotency.runLeased(request, async (context) => {
      ({ attempt } = context);
      if (onPoison !== undefined && (await attempts.isSpent(attempt))) {
        throw new AttemptsSpentError();
      }
      checkAnswer(consumer, await handler(message, context));
      return "consumed" as const;
    });
    return { outcome: value, replayed };
  } catch (error) {
    const shown = error instanceof AttemptsSpentError ? undefined : error;
    return failed(settings, message, entry, shown, () => attempts.isLast(attempt));
  }
}

/** Gives back the lease of a message that has ended the process of each attempt. */
class AttemptsSpentError extends Error {}

/** Hands a message to `onPoison` if this failure was its last; otherwise leaves it to be delivered again. */
async function failed<TTransaction, TMessage>(
  settings: Settings<TTransaction, TMessage>,
  message: TMessage,
  entry: Entry,
  error: unknown,
  isLast: () => Promise<boolean>,
): Promise<Consumption> {
  const { consumer, onPoison } = settings;
  if (isIdempotencyError(error) && error.code === "INPUT_INVALID" && error.details.operation === consumer) {
    return poisonUnrecorded(settings, message, "no_id", error);
  }
  if (isIdempotencyError(error) && error.code === "KEY_REUSED" && error.details.operation === consumer) {
    return poisonUnrecorded(settings, message, "id_reused", error);
  }
  // The message cannot be blamed for an error that passes, nor for the set-up of the store.
  const isCounted = !(isIdempotencyError(error) && (error.retryable || error.code === "STORE_MISCONFIGURED"));
  if (onPoison !== undefined && isCounted && (await isLast())) {
    return poison(settings, message, entry, error);
  }
  throw error;
}

/** What a message is recorded under. */
interface Entry {
  readonly key: string;
  readonly input: unknown;
  readonly isRetry?: boolean;
}

/** @throws TypeError for a reader that answers with a promise: it is wrong for every message, and none is to blame. */
function entryOf<TMessage>(
  { consumer, id, input }: Pick<Settings<unknown, TMessage>, "consumer" | "id" | "input">,
  message: TMessage,
): Entry | { readonly key?: undefined; readonly error?: unknown } {
  const read = answerOf("id", id, message);
  if (read.error !== undefined || read.value === undefined || read.value === null || read.value === "") {
    return read.error === undefined ? {} : { error: read.error };
  }
  if (typeof read.value !== "string") {
    return { error: idInvalid(consumer, read.value) };
  }
  const compared = answerOf("input", input, message);
  return compared.error === undefined
    ? { key: keyOf(read.value), input: compared.value }
    : { error: compared.error };
}

/** @throws TypeError as {@link entryOf} */
function deliveriesOf<TMessage>(
  { deliveries }: Pick<Settings<unknown, TMessage>, "deliveries">,
  message: TMessage,
): number | undefined {
  const { value } = answerOf("deliveries", deliveries, message);
  // Anything else is as if the broker did not count: then the database counts.
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

/**
 * What a reader made of a message. Messages are foreign input: whatever a reader trips over, the loop goes on.
 *
 * @throws TypeError for a promise.
 */
function answerOf<TMessage>(
  option: string,
  read: ((message: TMessage) => unknown) | undefined,
  message: TMessage,
): { readonly value?: unknown; readonly error?: unknown } {
  let value: unknown;
  try {
    value = read?.(message);
  } catch (error) {
    return { error: error ?? new Error(`Option ${option} threw ${String(error)}`) };
  }
  return { value: answeredAtOnce(option, value) };
}

function isRetry(message: unknown, deliveries: number | undefined): boolean {
  try {
    return (deliveries ?? 1) > 1 || isRedelivered(message);
  } catch {
    return false;
  }
}

/** Ids may have any length and alphabet; keys may not. */
function keyOf(id: string): string {
  return /^[\x20-\x7e]{1,255}$/.test(id)
    ? id
    : `sha256:${createHash("sha256").update(id, "utf16le").digest("base64url")}`;
}

async function record<TTransaction, TMessage>(
  { idempotency, consumer }: Settings<TTransaction, TMessage>,
  entry: Entry,
  work: (context: RunContext<TTransaction>) => Promise<Consumption["outcome"]>,
): Promise<Consumption> {
  const request = { ...entry, operation: consumer, scope: SCOPE };
  const { value, replayed } = await idempotency.run(request, work);
  return { outcome: value, replayed };
}

function poison<TTransaction, TMessage>(
  settings: Settings<TTransaction, TMessage>,
  message: TMessage,
  entry: Entry,
  error: unknown,
): Promise<Consumption> {
  return record(settings, entry, async ({ tx, afterCommit }) => {
    await settings.onPoison?.(message, { tx, afterCommit, reason: "attempts", error });
    return "poisoned" as const;
  }).catch(rethrowingAfter(error));
}

/** Without a usable id there is nothing to recognise a redelivery by. */
async function poisonUnrecorded<TTransaction, TMessage>(
  { idempotency, consumer, onPoison }: Settings<TTransaction, TMessage>,
  message: TMessage,
  reason: PoisonReason,
  error: unknown,
): Promise<Consumption> {
  if (onPoison === undefined) {
    throw reason === "no_id" && !isIdempotencyError(error) ? idMissing(consumer, error) : error;
  }
  await idempotency
    .runUnkeyed(async ({ tx, afterCommit }) => onPoison(message, { tx, afterCommit, reason, error }))
    .catch(rethrowingAfter(error));
  return { outcome: "poisoned", replayed: false };
}

function idMissing(consumer: string, cause: unknown): IdempotencyError<"KEY_MISSING"> {
  return new IdempotencyError(
    "KEY_MISSING",
    `A message for ${consumer} has no id; have its producer set one, or give option onPoison to take such messages.`,
    { operation: consumer },
    cause === undefined ? {} : { cause },
  );
}

function idInvalid(consumer: string, id: unknown): IdempotencyError<"KEY_INVALID"> {
  const isRounded = typeof id === "number" && Math.abs(id) > Number.MAX_SAFE_INTEGER;
  const found = `of type ${typeOf(id)}${typeof id === "number" ? ` (${id})` : ""}`;
  const remedy = isRounded
    ? "JSON.parse rounds such a number, and another message may get the same: read the id from the text or from a header"
    : "have option id return a string, for example String(message.id)";
  return new IdempotencyError(
    "KEY_INVALID",
    `The id of a message for ${consumer} is ${found}; ${remedy}. Option onPoison takes such messages.`,
    { reason: "not_a_string" },
  );
}
