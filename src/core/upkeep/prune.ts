import { setTimeout as sleep } from "node:timers/promises";
import { checkNumber, checkSignal, misuse } from "../browser/option-checks.ts";
import type { ErrorFacts } from "../contract/events.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import type { Store } from "../contract/store.ts";
import type { PruneOptions } from "../contract/upkeep/pruning.ts";
import type { PrunedBatch, PruneParams } from "../contract/upkeep/upkeep-store.ts";
import { factsOf } from "../events/call-events.ts";
import { publish } from "../events/channels.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

// A batch locks for some milliseconds, and a million records take half a minute: docs/guides/retention.md.
const BATCH_SIZE = 1_000;
const DUTY_CYCLE = 0.2;
/** After a batch that has waited for a slow server, too. */
const REST_MS_MAX = 60_000;

const OPTIONS: OptionNames<Required<PruneOptions>> = { batchSize: true, dutyCycle: true, signal: true };

/** Deletes in small statements, so that none holds its locks for long. */
export async function prune(store: Store<unknown>, options: PruneOptions = {}): Promise<number> {
  const begin = performance.now();
  let deleted = 0;
  const tell = (error?: ErrorFacts) =>
    publish("pruned", () => ({ deleted, durationMs: performance.now() - begin, error }));
  try {
    for await (const batch of batches(store, options, (params) => store.upkeep.prune(params))) {
      deleted += batch;
    }
  } catch (error) {
    tell(factsOf(error));
    throw error;
  }
  tell();
  return deleted;
}

/** Deletes steps whose record is gone, as {@link prune} deletes records. */
export async function sweep(store: Store<unknown>, options: PruneOptions = {}): Promise<void> {
  for await (const _ of batches(store, options, (params) => store.upkeep.sweep(params)));
}

/** Until a batch is not full. */
async function* batches(
  store: Store<unknown>,
  options: PruneOptions,
  send: (params: PruneParams) => Promise<PrunedBatch>,
): AsyncGenerator<number> {
  checkOptionNames(options, OPTIONS);
  const { batchSize = BATCH_SIZE, dutyCycle = DUTY_CYCLE, signal } = options;
  checkBatches(options);
  checkSignal(signal);
  for (;;) {
    if (signal?.aborted === true) {
      return;
    }
    const begin = performance.now();
    const { deleted, isFull } = await pastConflicts(store, "prune", () => send({ limit: batchSize }));
    yield deleted;
    if (!isFull) {
      return;
    }
    await rest((performance.now() - begin) * (1 / dutyCycle - 1), signal);
  }
}

/** Ends with the signal. */
async function rest(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms >= 1) {
    await sleep(Math.min(ms, REST_MS_MAX), undefined, signal instanceof AbortSignal ? { signal } : {}).catch(
      () => {},
    );
  }
}

/** @throws TypeError */
export function checkBatches({ batchSize, dutyCycle }: PruneOptions): void {
  checkNumber("batchSize", batchSize, 1);
  if (dutyCycle !== undefined && !(typeof dutyCycle === "number" && dutyCycle > 0 && dutyCycle <= 1)) {
    throw misuse("dutyCycle", dutyCycle, "a number above 0 and up to 1");
  }
}
