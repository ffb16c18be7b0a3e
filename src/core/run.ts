import { backOff } from "./backoff.ts";
import { claimOf, limitsOf } from "./claim.ts";
import type { Duplicates, Ended } from "./duplicates.ts";
import type { Handler, RunContext, SettledRun } from "./idempotency.ts";
import { derivedKey } from "./key.ts";
import { throwIfReused } from "./outcome.ts";
import type { PreparedRun } from "./request.ts";
import { claimLost, statementFailed, storeUnavailable } from "./run-errors.ts";
import { settle } from "./settle.ts";
import type { FinishedRecord, Store, StoreSession } from "./store.ts";
import { throwUnlessWorthRetrying, waitForLease } from "./waiting.ts";

/**
 * Mode `transaction`: claim, handler and result commit together. All control flow of such a run stands in this file:
 *
 *     run                    leads, or waits in memory for the duplicate of this process that does (duplicates.ts)
 *     └ lead                 repeats an attempt that met a held lock, a lease or a write conflict
 *       └ attempt            one transaction: claim and savepoint, execute or read the stored outcome, COMMIT
 *         ├ execute          handler, encode (settle.ts), store
 *         └ afterBrokenCommit  asks the database how a COMMIT without an answer ended
 */
export class TransactionRunner<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #duplicates: Duplicates;

  constructor(store: Store<TTransaction>, duplicates: Duplicates) {
    this.#store = store;
    this.#duplicates = duplicates;
  }

  run<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<SettledRun<T>> {
    return this.#duplicates.run(run, () => this.#lead(run, handler));
  }

  async #lead<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<Ended<T>> {
    let conflictRetriesLeft = run.options.retryConflicts;
    for (let retry = 0; ; retry += 1) {
      const result = await this.#attempt(run, handler);
      if (!("failedIn" in result)) {
        return result;
      }
      if (result.failedIn === "lease") {
        throwIfReused(run, result.fingerprint);
        await waitForLease(run, retry);
        continue;
      }
      const fault = this.#store.faultOf(result.error);
      if (result.failedIn === "claim") {
        throwUnlessWorthRetrying(run, fault, result.error);
      } else if (fault !== "write_conflict" || conflictRetriesLeft === 0) {
        throw result.failedIn === "commit" && fault === "unavailable"
          ? storeUnavailable(run, result.error)
          : result.error;
      } else {
        conflictRetriesLeft -= 1;
      }
      if (fault === "write_conflict") {
        await backOff(retry);
      }
    }
  }

  async #attempt<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<Ended<T> | FailedAttempt> {
    const params = claimOf(run);
    let phase: "claim" | "handler" = "claim";
    let ended: Ended<T> | undefined;
    try {
      return await this.#store.transaction(limitsOf(run, params), async (session) => {
        // Client extensions that repeat failed transactions call this more than once.
        phase = "claim";
        ended = undefined;
        const claimed = await session.claim(params);
        if (claimed.state === "finished") {
          return { record: claimed.record, afterCommit: [] };
        }
        if (claimed.state === "held") {
          return { failedIn: "lease", fingerprint: claimed.fingerprint };
        }
        if (run.options.storeError !== undefined) {
          await session.savepoint();
        }
        phase = "handler";
        ended = await this.#execute(session, run, params.owner, claimed.attempt, handler);
        return ended;
      });
    } catch (error) {
      return ended === undefined ? { failedIn: phase, error } : this.#afterBrokenCommit(run, ended, error);
    }
  }

  async #execute<T>(
    session: StoreSession<TTransaction>,
    run: PreparedRun,
    owner: string,
    attempt: number,
    handler: Handler<TTransaction, T>,
  ): Promise<Ended<T>> {
    const afterCommit: (() => unknown)[] = [];
    const { executed, response } = await settle(run, async () => {
      try {
        return await handler(contextOf(run, session.tx, attempt, afterCommit));
      } finally {
        await session.seal();
      }
    });
    if (executed.status === "failed") {
      await undo(session, executed.error);
      afterCommit.length = 0;
    }
    const record = { status: executed.status, fingerprint: run.fingerprint, owner, response };
    await this.#complete(session, run, { ...record, id: run.id });
    return { executed, record, afterCommit };
  }

  async #complete(
    session: StoreSession<TTransaction>,
    run: PreparedRun,
    params: Parameters<StoreSession<TTransaction>["complete"]>[0],
  ): Promise<void> {
    const { operation } = run;
    let stored: boolean;
    try {
      stored = await session.complete(params);
    } catch (cause) {
      const fault = this.#store.faultOf(cause);
      if (fault === "unavailable") {
        throw storeUnavailable(run, cause);
      }
      if (fault !== "transaction_aborted") {
        throw cause;
      }
      throw statementFailed(operation, `The handler of ${operation}`, cause);
    }
    if (!stored) {
      throw claimLost(run, "nothing of it was committed");
    }
  }

  /** COMMIT failed or its answer was lost. A guess could execute twice, or report a payment made as failed. */
  async #afterBrokenCommit<T>(
    run: PreparedRun,
    ended: Ended<T>,
    error: unknown,
  ): Promise<Ended<T> | FailedAttempt> {
    const deadline = performance.now() + BROKEN_COMMIT_WAIT_MS;
    for (let retry = 0; ; retry += 1) {
      try {
        const record = await this.#probe(run);
        if (record === undefined) {
          return { failedIn: "commit", error };
        }
        return record.owner === ended.record.owner ? ended : { record, afterCommit: [] };
      } catch (probeError) {
        if (performance.now() > deadline) {
          throw storeUnavailable(run, probeError);
        }
      }
      await backOff(retry);
    }
  }

  /**
   * Reads the record by trying to claim it, since a plain read would not see a COMMIT that is still on its way: the
   * claim waits for it. The probe's own claim is rolled back.
   */
  async #probe(run: PreparedRun): Promise<FinishedRecord | undefined> {
    const params = claimOf(run);
    try {
      return await this.#store.transaction(limitsOf(run, params), async (session) => {
        const claimed = await session.claim(params);
        if (claimed.state === "finished") {
          return claimed.record;
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
}

/** An attempt that left no trace. */
type FailedAttempt =
  | { readonly failedIn: "claim" | "handler" | "commit"; readonly error: unknown }
  /** A leased run holds the record. */
  | { readonly failedIn: "lease"; readonly fingerprint: string };

/** Leaves a probe's transaction without a trace. */
class ProbeRollback extends Error {}

const BROKEN_COMMIT_WAIT_MS = 10_000;

function contextOf<TTransaction>(
  run: PreparedRun,
  tx: TTransaction,
  attempt: number,
  afterCommit: (() => unknown)[],
): RunContext<TTransaction> {
  return {
    tx,
    key: run.key,
    attempt,
    deriveKey: (name) => derivedKey(run.id, name),
    afterCommit: (callback) => afterCommit.push(callback),
  };
}

async function undo(session: StoreSession<unknown>, handlerError: unknown): Promise<void> {
  try {
    await session.rollbackToSavepoint();
  } catch {
    // The transaction is gone, and with it all it wrote: the handler's error says more than that one.
    throw handlerError;
  }
}
