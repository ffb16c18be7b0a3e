import { checkFunction, checkNumber, checkOneOf, misuse } from "../core/browser/option-checks.ts";
import { misplaced } from "../core/contract/found.ts";
import type { Idempotency, RunContext } from "../core/contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../core/contract/options/option-names.ts";
import { RUN_OPTIONS, type RunOptions } from "../core/contract/options/options.ts";

/**
 * Why a message is handed to `onPoison`:
 *
 * - `"no_id"`: it has no id, or one that is no string, or `id` or `input` failed on it.
 * - `"id_reused"`: another message with the same id was consumed; option `input` tells them apart.
 * - `"attempts"`: its handler has failed `attemptsMax` times, or ends its process.
 */
export type PoisonReason = "no_id" | "id_reused" | "attempts";

/** What `onPoison` gets. */
export interface PoisonContext<TTransaction> extends Pick<RunContext<TTransaction>, "tx" | "afterCommit"> {
  readonly reason: PoisonReason;
  /** The last error; `undefined` if there is none to show, for example because the process ended. */
  readonly error: unknown;
}

/** Options of {@link consumeOnce}. Those of {@link RunOptions} override what `createIdempotency` was given. */
export interface ConsumeOptions<TTransaction, TMessage, TMode extends ConsumeMode = "transaction">
  extends Omit<RunOptions, "storeError" | "errors" | "errorClasses" | "storeInput"> {
  /** Made by `createIdempotency`; one for the whole application. */
  readonly idempotency: Idempotency<TTransaction>;
  /** Who consumes, for example `"shipping"`: 1 to 200 characters. Each consumer consumes a message once. */
  readonly consumer: string;
  /** Reads the message's id, at once. If it returns nothing or an empty string, the message has no id. */
  readonly id: (message: TMessage) => string | null | undefined;
  /** What a redelivery must repeat, for producers that reuse ids. Default: not compared. */
  readonly input?: (message: TMessage) => unknown;
  /**
   * Takes a message that will not be consumed, for example into a dead-letter table. What it writes through `tx` commits
   * together with the inbox record, so that a redelivery does not repeat it; a message without a usable id has no record.
   * Without this option, such messages fail, and are redelivered as often as the broker chooses.
   */
  readonly onPoison?: (message: TMessage, context: PoisonContext<TTransaction>) => Promise<unknown>;
  /** After how many failures of its handler a message goes to `onPoison`. Default 5. */
  readonly attemptsMax?: number;
  /**
   * Reads how often the broker has delivered the message, 1 for the first time. If it returns nothing, failures are
   * counted in the database.
   */
  readonly deliveries?: (message: TMessage) => number | undefined;
  /**
   * Default `"transaction"`: the handler gets `tx`. With `"lease"` it gets `step` and `transaction`, for messages that
   * call other services; the record then counts the attempts, including those that ended a process, and `deliveries` is
   * not accepted.
   */
  readonly mode?: TMode;
}

/** How a handler's writes are kept together. */
export type ConsumeMode = "transaction" | "lease";

/** The options, checked and complete. */
export interface Settings<TTransaction, TMessage>
  extends Omit<ConsumeOptions<TTransaction, TMessage>, keyof RunOptions | "mode"> {
  readonly mode: ConsumeMode;
  readonly attemptsMax: number;
}

const ATTEMPTS_MAX = 5;
// Leaves room, in the 255 characters of an operation, for what is kept beside a message.
const CONSUMER_LENGTH_MAX = 200;

/** @throws TypeError that names the option, what it got and the remedy. */
export function settingsOf<TTransaction, TMessage>(
  options: ConsumeOptions<TTransaction, TMessage, ConsumeMode>,
): Settings<TTransaction, TMessage> {
  checkOptions(options);
  const {
    idempotency,
    consumer,
    id,
    input,
    onPoison,
    attemptsMax = ATTEMPTS_MAX,
    deliveries,
    mode = "transaction",
    ...rest
  } = options;
  const run: RunOptions = {
    ...rest,
    // A completer has no message to give to the handler.
    storeInput: false,
    // A message that was not consumed is delivered again, whichever errors an HTTP handler stores.
    ...(idempotency.options.storeError === undefined ? {} : { storeError: () => false }),
  };
  const optional = {
    ...(input === undefined ? {} : { input }),
    ...(onPoison === undefined ? {} : { onPoison }),
    ...(deliveries === undefined ? {} : { deliveries }),
  };
  return { idempotency: idempotency.with(run), consumer, id, attemptsMax, mode, ...optional };
}

const OPTIONS: OptionNames<Required<ConsumeOptions<never, never> & RunOptions>> = {
  ...RUN_OPTIONS,
  idempotency: "required",
  consumer: "required",
  id: "required",
  input: true,
  onPoison: true,
  attemptsMax: true,
  deliveries: true,
  mode: true,
};

function checkOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, consumer, id }");
  }
  checkOptionNames(options, OPTIONS);
  const { idempotency, consumer, id, input, onPoison, attemptsMax, deliveries, mode, storeError } =
    options as Record<string, unknown>;
  if (typeof (idempotency as Partial<Idempotency<unknown>> | null | undefined)?.run !== "function") {
    throw misplaced("idempotency", idempotency, "what createIdempotency returned");
  }
  const named = typeof consumer === "string" && /^[^\0]+$/.test(consumer);
  if (!named || consumer.length > CONSUMER_LENGTH_MAX) {
    throw misuse(
      "consumer",
      consumer,
      `a name of 1 to ${CONSUMER_LENGTH_MAX} characters, such as "shipping"`,
    );
  }
  if (typeof id !== "function") {
    throw misuse("id", id, "a function such as amqpMessageId");
  }
  checkFunction("input", input, "(message) => message.content");
  checkFunction("onPoison", onPoison, "async (message, { tx, reason }) => { ... }");
  checkNumber("attemptsMax", attemptsMax, 1);
  checkFunction("deliveries", deliveries, "amqpDeliveries");
  checkOneOf("mode", mode, ["transaction", "lease"]);
  if (mode === "lease" && deliveries !== undefined) {
    throw misuse("deliveries", deliveries, "none: in mode lease the record counts the attempts");
  }
  if (onPoison === undefined && attemptsMax !== undefined) {
    throw misuse("onPoison", onPoison, "a function, as attemptsMax says when it is called");
  }
  if (storeError !== undefined) {
    throw misuse(
      "storeError",
      storeError,
      "none: a message whose handler failed is delivered again, or handed to onPoison",
    );
  }
}
