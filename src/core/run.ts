import { runCallbacks } from "./after-commit.ts";
import { backOff } from "./backoff.ts";
import { claimOf, limitsOf } from "./claim.ts";
import { IdempotencyError, isIdempotencyError } from "./errors.ts";
import type { Handler, RunContext, SettledRun } from "./idempotency.ts";
import { derivedKey } from "./key.ts";
import { decodeValue, encodeOutcome, replay } from "./outcome.ts";
import type { PreparedRun } from "./request.ts";
import { type Flight, SingleFlight } from "./single-flight.ts";
import type { FinishedRecord, Store, StoreSession } from "./store.ts";
import { inProgress, storeUnavailable, throwUnlessWorthRetrying } from "./waiting.ts";

/**
 * Mode `transaction`: claim, handler and result commit together. All control flow of such a run stands in this file:
 *
 *     run                    leads, or waits in memory for the duplicate of this process that does
 *     └ lead                 repeats an attempt that met a held lock or a write conflict
 *       └ attempt            one transaction: claim and savepoint, execute or read the stored outcome, COMMIT
 *         ├ execute          handler, encode, store
 *         └ afterBrokenCommit  asks the database how a COMMIT without an answer ended
 */
export class TransactionRunner<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #flights: SingleFlight<FinishedRecord> = new SingleFlight();

  constructor(store: Store<TTransaction>) {
    this.#store = store;
  }

  async run<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<SettledRun<T>> {
    for (;;) {
      const flight = this.#flights.get(run.id);
      if (flight === undefined) {
        const ended = await this.#flights.lead(run.id, (publish) => this.#lead(run, handler, publish));
        await runCallbacks(ended.afterCommit);
        return ended.executed ?? replay(run, ended.record);
      }
      const record = await waitFor(flight, run);
      if (record !== "released") {
        return replay(run, record);
      }
    }
  }

  async #lead<T>(
    run: PreparedRun,
    handler: Handler<TTransaction, T>,
    publish: (record: FinishedRecord) => void,
  ): Promise<Ended<T>> {
    let conflictRetriesLeft = run.options.retryConflicts;
    for (let retry = 0; ; retry += 1) {
      const result = await this.#attempt(run, handler);
      if (!("failedIn" in result)) {
        publish(result.record);
        return result;
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
    const { storeError } = run.options;
    const afterCommit: (() => unknown)[] = [];
    const settled = await settledBy(storeError, async () => {
      try {
        return await handler(contextOf(run, session.tx, attempt, afterCommit));
      } finally {
        await session.seal();
      }
    });
    const response = encodeOrRelease(run, settled);
    const executed = asReplayed(run, settled, response);
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
      throw new IdempotencyError(
        "RESULT_UNSTORABLE",
        `The handler of ${operation} caught the error of a failed statement; the database takes no further statement ` +
          "in that transaction, so nothing was stored. Let such errors reach the caller, or avoid them.",
        { operation },
        { cause },
      );
    }
    if (!stored) {
      throw new IdempotencyError(
        "LEASE_LOST",
        `The claim of ${operation} was gone when its result was to be stored; nothing of it was committed.`,
        { operation },
      );
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
        if (claimed.state === "claimed") {
          throw new ProbeRollback();
        }
        return claimed.record;
      });
    } catch (error) {
      if (error instanceof ProbeRollback) {
        return undefined;
      }
      throw error;
    }
  }
}

/** How an attempt ended whose outcome is stored. */
interface Ended<T> {
  readonly record: FinishedRecord;
  /** Absent where another execution made the record. */
  readonly executed?: SettledRun<T>;
  readonly afterCommit: readonly (() => unknown)[];
}

/** An attempt that left no trace. */
interface FailedAttempt {
  readonly failedIn: "claim" | "handler" | "commit";
  readonly error: unknown;
}

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

async function settledBy<T>(
  storeError: ((error: unknown) => boolean) | undefined,
  work: () => Promise<T>,
): Promise<SettledRun<T>> {
  try {
    return { status: "completed", value: await work(), replayed: false };
  } catch (error) {
    // A nested run's "in progress" is not this handler's answer.
    if (isIdempotencyError(error) || storeError?.(error) !== true) {
      throw error;
    }
    return { status: "failed", error, replayed: false };
  }
}

function encodeOrRelease(run: PreparedRun, executed: SettledRun<unknown>): string {
  try {
    return encodeOutcome(run, executed);
  } catch (error) {
    // An error with something unstorable about it is not worth failing over: the caller gets it, unstored.
    throw executed.status === "failed" ? executed.error : error;
  }
}

/** The first answer is what its duplicates will get: from the stored text too, which thereby is known to be readable. */
function asReplayed<T>(run: PreparedRun, settled: SettledRun<T>, response: string): SettledRun<T> {
  return settled.status === "completed" ? { ...settled, value: decodeValue(run, response) as T } : settled;
}

async function undo(session: StoreSession<unknown>, handlerError: unknown): Promise<void> {
  try {
    await session.rollbackToSavepoint();
  } catch {
    // The transaction is gone, and with it all it wrote: the handler's error says more than that one.
    throw handlerError;
  }
}

async function waitFor(
  flight: Flight<FinishedRecord>,
  run: PreparedRun,
): Promise<FinishedRecord | "released"> {
  const { onDuplicate, waitersMax } = run.options;
  const remaining = run.deadline - performance.now();
  if (onDuplicate === "reject" || flight.waiterCount >= waitersMax || remaining <= 0) {
    throw inProgress(run);
  }
  const record = await flight.wait(remaining);
  if (record === "timeout") {
    throw inProgress(run);
  }
  return record;
}
