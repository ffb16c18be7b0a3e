import { createHash } from "node:crypto";
import { IdempotencyError, isIdempotencyError } from "../core/errors.ts";
import type { RunContext } from "../core/idempotency.ts";
import { misuse } from "../core/misuse.ts";
import { Attempts } from "./attempts.ts";
import { type ConsumeOptions, type PoisonReason, type Settings, settingsOf } from "./options.ts";
import { SCOPE } from "./scope.ts";

/** What consumes a message; resolves when it is done with, so that the transaction may commit. Its value is not kept. */
export type MessageHandler<TTransaction, TMessage> = (
  message: TMessage,
  context: RunContext<TTransaction>,
) => Promise<unknown>;

/** Consumes a message: acknowledge it when this resolves, have it delivered again when it rejects. */
export type Consume<TMessage> = (message: TMessage) => Promise<Consumption>;

/** What became of a message. In every case it is committed, and is to be acknowledged. */
export interface Consumption {
  /** Whether the handler consumed it, or `onPoison` took it. */
  readonly outcome: "consumed" | "poisoned";
  /** Whether that was at an earlier delivery. */
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
 * A store that is not available, and a duplicate under way elsewhere, do not count.
 *
 * The record is kept for `retentionMs`, by default 24 hours: make that longer than the broker may deliver a message again.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function consumeOnce<TTransaction, TMessage>(
  options: ConsumeOptions<TTransaction, TMessage>,
): <TDelivered extends TMessage>(handler: MessageHandler<TTransaction, TDelivered>) => Consume<TDelivered> {
  const settings = settingsOf(options);
  return (handler) => {
    if (typeof handler !== "function") {
      throw misuse("(the handler)", handler, "a function such as async (message, { tx }) => { ... }");
    }
    return (message) => consume(settings, handler, message);
  };
}

async function consume<TTransaction, TMessage, TDelivered extends TMessage>(
  settings: Settings<TTransaction, TMessage>,
  handler: MessageHandler<TTransaction, TDelivered>,
  message: TDelivered,
): Promise<Consumption> {
  const { consumer, onPoison } = settings;
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
    return await record(settings, entry, async (context) => {
      await handler(message, context);
      return "consumed";
    });
  } catch (error) {
    if (isIdempotencyError(error) && error.code === "KEY_REUSED" && error.details.operation === consumer) {
      return poisonUnrecorded(settings, message, "id_reused", error);
    }
    // Nothing of what the message can be blamed for.
    const isCounted = !(isIdempotencyError(error) && error.retryable);
    if (onPoison !== undefined && isCounted && (await attempts.isLast(deliveries))) {
      return poison(settings, message, entry, error);
    }
    throw error;
  }
}

/** What a message is recorded under. */
interface Entry {
  readonly key: string;
  readonly input: unknown;
}

/** Messages are foreign input: whatever a reader trips over, the loop goes on. */
function entryOf<TMessage>(
  { id, input }: Pick<Settings<unknown, TMessage>, "id" | "input">,
  message: TMessage,
): Entry | { readonly key?: undefined; readonly error?: unknown } {
  try {
    const value: unknown = id(message);
    return typeof value === "string" && value !== "" ? { key: keyOf(value), input: input?.(message) } : {};
  } catch (error) {
    return { error };
  }
}

function deliveriesOf<TMessage>(
  { deliveries }: Pick<Settings<unknown, TMessage>, "deliveries">,
  message: TMessage,
): number | undefined {
  try {
    return deliveries?.(message);
  } catch {
    // As one that is not counted: then the database counts.
    return undefined;
  }
}

/** Ids are of any length and alphabet, keys are not. */
function keyOf(id: string): string {
  return /^[\x20-\x7e]{1,255}$/.test(id)
    ? id
    : `sha256:${createHash("sha256").update(id, "utf16le").digest("base64url")}`;
}

async function record<TTransaction, TMessage>(
  { idempotency, consumer, run }: Settings<TTransaction, TMessage>,
  entry: Entry,
  work: (context: RunContext<TTransaction>) => Promise<Consumption["outcome"]>,
): Promise<Consumption> {
  const request = { ...run, ...entry, operation: consumer, scope: SCOPE };
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
    return "poisoned";
  });
}

/** Without a usable id there is nothing to recognise a redelivery by. */
async function poisonUnrecorded<TTransaction, TMessage>(
  { idempotency, consumer, onPoison, run }: Settings<TTransaction, TMessage>,
  message: TMessage,
  reason: PoisonReason,
  error: unknown,
): Promise<Consumption> {
  if (onPoison === undefined) {
    throw reason === "no_id" ? idMissing(consumer, error) : error;
  }
  await idempotency.runUnkeyed(
    ({ tx, afterCommit }) => onPoison(message, { tx, afterCommit, reason, error }),
    run,
  );
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
