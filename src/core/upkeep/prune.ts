import { checkNumber, misuse } from "../browser/option-checks.ts";
import type { ErrorFacts } from "../contract/events.ts";
import { checkOptionNames, type OptionNames } from "../contract/option-names.ts";
import type { PruneOptions } from "../contract/pruning.ts";
import type { Store } from "../contract/store.ts";
import type { PrunedBatch, PruneParams } from "../contract/upkeep-store.ts";
import { factsOf } from "../events/call-events.ts";
import { publish } from "../events/channels.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

// In smaller batches, the round trip and flush of each COMMIT take longer than the deletes. A batch locks for 10 to 40 ms.
const BATCH_SIZE = 3_000;

const OPTIONS: OptionNames<Required<PruneOptions>> = { batchSize: true, signal: true };

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
  const { batchSize = BATCH_SIZE, signal } = options;
  checkNumber("batchSize", batchSize, 1);
  if (signal !== undefined && (typeof signal !== "object" || signal === null)) {
    throw misuse("signal", signal, "the signal of an AbortController");
  }
  for (;;) {
    if (signal?.aborted === true) {
      return;
    }
    const { deleted, isFull } = await pastConflicts(store, "prune", () => send({ limit: batchSize }));
    yield deleted;
    if (!isFull) {
      return;
    }
  }
}
