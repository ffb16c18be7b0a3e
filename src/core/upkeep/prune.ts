import { checkNumber } from "../browser/option-checks.ts";
import type { PruneOptions } from "../contract/idempotency.ts";
import type { Store } from "../contract/store.ts";
import { backOff } from "../run/backoff.ts";
import { storeFailed } from "../run/run-errors.ts";

// In smaller batches, the round trip and flush of each COMMIT take longer than the deletes. A batch locks for 10 to 40 ms.
const BATCH_SIZE = 3_000;

/** On a cluster, others that prune or claim on another node cannot be passed over. */
const CONFLICTS_MAX = 20;

/** Deletes in small statements, so that none holds its locks for long. */
export async function prune(store: Store<unknown>, options: PruneOptions = {}): Promise<number> {
  const { batchSize = BATCH_SIZE, signal } = options;
  checkNumber("batchSize", batchSize, 1);
  for (let total = 0; ; ) {
    const deleted = signal?.aborted === true ? 0 : await pruneBatch(store, batchSize);
    total += deleted;
    if (deleted < batchSize) {
      return total;
    }
  }
}

async function pruneBatch(store: Store<unknown>, limit: number): Promise<number> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await store.prune({ limit });
    } catch (error) {
      const fault = store.faultOf(error);
      if (fault !== "write_conflict" || retry === CONFLICTS_MAX) {
        throw storeFailed({ operation: "prune" }, fault, error);
      }
    }
    await backOff(retry);
  }
}
