import { checkNumber } from "../browser/option-checks.ts";
import type { PruneOptions } from "../contract/idempotency.ts";
import type { Store } from "../contract/store.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

// In smaller batches, the round trip and flush of each COMMIT take longer than the deletes. A batch locks for 10 to 40 ms.
const BATCH_SIZE = 3_000;

/** Deletes in small statements, so that none holds its locks for long. */
export async function prune(store: Store<unknown>, options: PruneOptions = {}): Promise<number> {
  const { batchSize = BATCH_SIZE, signal } = options;
  checkNumber("batchSize", batchSize, 1);
  const pruneBatch = () => pastConflicts(store, "prune", () => store.prune({ limit: batchSize }));
  for (let total = 0; ; ) {
    const deleted = signal?.aborted === true ? 0 : await pruneBatch();
    total += deleted;
    if (deleted < batchSize) {
      return total;
    }
  }
}
