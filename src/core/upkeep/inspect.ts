import { answeredAtOnce, reasonOf } from "../contract/callbacks.ts";
import type { Codec } from "../contract/codec.ts";
import type { Forgotten, Inspection, RecordIdentity, StoredValue } from "../contract/inspection.ts";
import { checkOptionNames, type OptionNames } from "../contract/option-names.ts";
import type { ResolvedRunOptions } from "../contract/options.ts";
import type { Store } from "../contract/store.ts";
import type { StoredRecord } from "../contract/upkeep-store.ts";
import { decodedText } from "../outcome/stored-outcome.ts";
import { idOf } from "../request/prepare.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

const IDENTITY: OptionNames<RecordIdentity> = { operation: "required", scope: "required", key: "required" };

/** Reads what is stored under a key, as it is decoded by these options. Executes nothing and changes nothing. */
export async function inspect(
  store: Store<unknown>,
  name: RecordIdentity,
  options: ResolvedRunOptions,
  inputCodec: Codec,
): Promise<Inspection> {
  checkOptionNames(name, IDENTITY);
  const id = idOf(name);
  const record = await pastConflicts(store, "inspect", () => store.upkeep.inspect(id));
  return record === undefined ? { state: "unknown", id } : inspected(id, record, options, inputCodec);
}

/**
 * Deletes a record with its steps, so that the key is fresh. A leased run that has it is left alone.
 *
 * `forgetCached` makes a cache of replays forget it too, which may answer it still.
 */
export async function forget(
  store: Store<unknown>,
  name: RecordIdentity,
  forgetCached: (id: string) => Promise<void>,
): Promise<Forgotten> {
  checkOptionNames(name, IDENTITY);
  const id = idOf(name);
  const forgotten = await pastConflicts(store, "forget", () => store.upkeep.forget(id));
  // Afterwards: a duplicate meanwhile would keep there what it has read here.
  await forgetCached(id);
  return forgotten;
}

function inspected(
  id: string,
  record: StoredRecord,
  options: ResolvedRunOptions,
  inputCodec: Codec,
): Inspection {
  const { status, leasedUntilMs, nowMs, expiresAtMs, finishedAtMs, response, input, steps } = record;
  const { operation, scope, key, attempt } = record;
  const isInProgress = status === "in_progress";
  const answerOf = (text: string) => {
    const stored = decoded(options.codec, text);
    const error = status === "failed" && stored.isReadable ? restored(options, stored.value, text) : stored;
    // Adapters write errors in ways of their own.
    return error.isReadable ? error : stored;
  };
  return {
    state: status,
    id,
    operation,
    scope,
    key,
    attempt,
    claimedAt: new Date(record.claimedAtMs),
    finishedAt: dateOf(finishedAtMs),
    expiresAt: new Date(expiresAtMs),
    isExpired: expiresAtMs <= nowMs,
    leasedUntil: isInProgress ? dateOf(leasedUntilMs) : undefined,
    isAbandoned: isInProgress && (record.owner === "" || (leasedUntilMs ?? 0) <= nowMs),
    answer: response === null ? undefined : answerOf(response),
    input: input === null ? undefined : decoded(inputCodec, input),
    steps: steps.map(({ name, recordedAtMs, response: text }) => ({
      name,
      recordedAt: new Date(recordedAtMs),
      result: decoded(options.codec, text),
    })),
  };
}

function dateOf(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}

function decoded(codec: Codec, text: string): StoredValue {
  return readable(text, () => decodedText(codec, text));
}

function restored({ errors, errorClasses }: ResolvedRunOptions, stored: unknown, text: string): StoredValue {
  return readable(text, () => answeredAtOnce("errors.deserialize", errors.deserialize(stored, errorClasses)));
}

function readable(text: string, read: () => unknown): StoredValue {
  try {
    return { isReadable: true, value: read() };
  } catch (error) {
    return { isReadable: false, reason: reasonOf(error), text };
  }
}
