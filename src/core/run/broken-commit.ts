import { outcomeMsOf } from "../contract/options/options.ts";
import type { FinishedRecord, Store } from "../contract/store.ts";
import { storeUnavailable } from "../outcome/run-errors.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOffFromOutage } from "../retry/outage.ts";
import { claimParams, transactionLimits } from "./claim-params.ts";

/**
 * Returns what is stored for the run after its COMMIT failed, or the answer to it was lost; `undefined` if nothing is
 * stored and nothing is on its way. Guessing could execute the run twice, or report a completed payment as failed.
 *
 * @throws {@link IdempotencyError} `STORE_UNAVAILABLE` if the database gives no answer for `outageMs`, or as long as the record is kept.
 */
export async function recordAfterBrokenCommit(
  store: Store<unknown>,
  run: PreparedRun,
): Promise<FinishedRecord | undefined> {
  const deadline = performance.now() + outcomeMsOf(run.options);
  for (let retry = 0; ; retry += 1) {
    try {
      return await probe(store, run);
    } catch (error) {
      // Whatever else it is, what has been sent may have been committed: nobody knows until the database answers.
      if (performance.now() > deadline) {
        throw storeUnavailable(run, error);
      }
    }
    await backOffFromOutage(retry);
  }
}

/**
 * Reads the record by trying to claim it: a plain read would not see a COMMIT that is still on its way, but a claim waits
 * for it. The probe's own claim is rolled back.
 *
 * Where a claim waits for nobody, it is committed instead, as a tombstone: of it and the COMMIT on its way, which writes the same
 * row, the database lets only one through. It lapses at once.
 */
async function probe(store: Store<unknown>, run: PreparedRun): Promise<FinishedRecord | undefined> {
  const decidesByCommit = store.conflictsAtCommit;
  const claim = decidesByCommit
    ? { ...claimParams(run, TOMBSTONE_MS), retentionMs: TOMBSTONE_MS }
    : claimParams(run);
  try {
    return await store.transaction({ limits: transactionLimits(run, claim), claim }, async (session) => {
      const claimed = await session.claim();
      if (claimed.state === "finished") {
        return { value: claimed.record };
      }
      if (claimed.state === "claimed" && decidesByCommit) {
        return { value: undefined };
      }
      throw new ProbeRollback();
    });
  } catch (error) {
    if (error instanceof ProbeRollback) {
      return undefined;
    }
    throw error;
  }
}

/** How long a tombstone stands in the way of a claim, in milliseconds. */
const TOMBSTONE_MS = 1;

/** Ends a probe's transaction without a trace. */
class ProbeRollback extends Error {}
