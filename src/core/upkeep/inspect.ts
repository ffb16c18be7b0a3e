import { answeredAtOnce, reasonOf } from "../contract/callbacks.ts";
import type { Codec } from "../contract/options/codec.ts";
import type { ResolvedRunOptions } from "../contract/options/options.ts";
import type { Store } from "../contract/store.ts";
import type { Forgotten, Inspection, RecordName, StoredValue } from "../contract/upkeep/inspection.ts";
import type { StoredRecord } from "../contract/upkeep/upkeep-store.ts";
import { decodedText } from "../outcome/stored-outcome.ts";
import { idOf } from "../request/prepare.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";
import { factsOf } from "./facts.ts";

/** Reads what is stored under a key, as it is decoded by these options. Executes nothing and changes nothing. */
export async function inspect(
  store: Store<unknown>,
  name: RecordName,
  options: ResolvedRunOptions,
  inputCodec: Codec,
): Promise<Inspection> {
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
  name: RecordName,
  forgetCached: (id: string) => Promise<void>,
): Promise<Forgotten> {
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
  const { status, response, input, steps } = record;
  const answerOf = (text: string) => {
    const stored = decoded(options.codec, text);
    const error = status === "failed" && stored.isReadable ? restored(options, stored.value, text) : stored;
    // Adapters write errors in ways of their own.
    return error.isReadable ? error : stored;
  };
  return {
    ...factsOf(id, record),
    answer: response === null ? undefined : answerOf(response),
    input: input === null ? undefined : decoded(inputCodec, input),
    steps: steps.map(({ name, recordedAtMs, response: text }) => ({
      name,
      recordedAt: new Date(recordedAtMs),
      result: decoded(options.codec, text),
    })),
  };
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
