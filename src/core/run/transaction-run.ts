import type { Handler, SettledRun } from "../contract/idempotency.ts";
import {
  type ClaimParams,
  type Ending,
  type FinishedRecord,
  NotStoredError,
  type Store,
  type StoreSession,
} from "../contract/store.ts";
import { reached } from "../contract/test-points.ts";
import type { Duplicates } from "../duplicates/duplicates.ts";
import { FinishedIds } from "../duplicates/finished-ids.ts";
import type { Flight } from "../duplicates/single-flight.ts";
import { executing, waiting as waitingFor } from "../events/call-events.ts";
import { answerOf } from "../outcome/answer.ts";
import type { Finished, Held, RunEnd } from "../outcome/run-end.ts";
import { claimLost, notStored, storeUnavailable, writesSuppressed } from "../outcome/run-errors.ts";
import { throwIfReused } from "../outcome/stored-outcome.ts";
import { derivedKey } from "../request/identity.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "../retry/backoff.ts";
import { conflictRetries } from "../retry/conflict-retries.ts";
import { isUnanswered, type Outage, Waiting } from "../retry/outage.ts";
import { waitCauseOf, waitForLease, waitToClaimAgain } from "../retry/waiting.ts";
import { recordAfterBrokenCommit } from "./broken-commit.ts";
import { claimParams, transactionLimits } from "./claim-params.ts";
import { warnOfCommitted } from "./committed-by-handler.ts";
import { rethrowing, throwIfVanished } from "./handler-errors.ts";
import { inHandlerTransaction, type OpenTransaction } from "./handler-transaction.ts";
import { refuseNested } from "./refuse-nested.ts";

/**
 * Mode `transaction`: claim, handler and result commit together. All control flow of such a run is in this file:
 *
 *     run                     leads, or waits in memory for the duplicate in this process that leads (duplicates.ts)
 *     └ lead                  reads a record that is likely to be finished; otherwise
 *       └ repeat              repeats an attempt that met a held lock, a lease, a write conflict or an outage
 *         └ attempt           one transaction (handler-transaction.ts), in which
 *           └ claimAndExecute claims; replays, or sets a savepoint, runs the handler (answer.ts), stores its result
 *
 * An attempt whose COMMIT failed asks the database how it ended (broken-commit.ts).
 */
export class TransactionRunner<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #duplicates: Duplicates;
  readonly #outage: Outage;
  readonly #seen: FinishedIds = new FinishedIds();

  constructor(store: Store<TTransaction>, duplicates: Duplicates, outage: Outage) {
    this.#store = store;
    this.#duplicates = duplicates;
    this.#outage = outage;
  }

  run<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<SettledRun<T>> {
    refuseNested(this.#store, run);
    return this.#duplicates.run(run, (flight) => this.#lead(run, flight, handler));
  }

  async #lead<T>(
    run: PreparedRun,
    flight: RunFlight,
    handler: Handler<TTransaction, T>,
  ): Promise<Finished<T>> {
    run.events?.enter("claim");
    const isLikelyFinished = run.isRetry || this.#seen.has(run.id);
    const record = isLikelyFinished ? await this.#read(run) : undefined;
    if (record !== undefined) {
      this.#seen.add(run.id);
      return { end: "replayed", record };
    }
    const waiting = new Waiting(this.#outage, run);
    try {
      const finished = await this.#repeat({ run, flight, waiting }, handler);
      this.#seen.add(run.id);
      if (finished.end === "executed") {
        reached("committed", run);
      }
      return finished;
    } finally {
      waiting.end();
    }
  }

  /** Whatever goes wrong here, the claim meets too, and knows what to do about it. */
  async #read({ id }: PreparedRun): Promise<FinishedRecord | undefined> {
    try {
      return await this.#store.replayable(id);
    } catch {
      return undefined;
    }
  }

  async #repeat<T>(leading: Leading, handler: Handler<TTransaction, T>): Promise<Finished<T>> {
    const { run, waiting } = leading;
    let conflicts = 0;
    for (let retry = 0; ; retry += 1) {
      run.events?.enter("claim");
      const begin = performance.now();
      const end = await this.#attempt(leading, handler);
      switch (end.end) {
        case "executed":
        case "replayed":
          return end;
        case "held":
          throwIfReused(run, end.fingerprint);
          await waitingFor(run, "lease", performance.now(), () => waitForLease(run, retry));
          continue;
        case "failed":
      }
      const fault = this.#store.faultOf(end.error);
      if (end.during === "begin") {
        await waitingFor(run, waitCauseOf(fault), begin, () =>
          waitToClaimAgain(run, waiting, retry, { fault, error: end.error }),
        );
      } else if (fault !== "write_conflict" || conflicts >= conflictRetries(this.#store, run)) {
        throw end.error;
      } else {
        conflicts += 1;
        run.events?.retried(end.error);
        await backOff(retry);
      }
    }
  }

  /**
   * One transaction. If it fails, it leaves no trace.
   *
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE` if the database was away during COMMIT.
   */
  async #attempt<T>(leading: Leading, handler: Handler<TTransaction, T>): Promise<RunEnd<T>> {
    const { run, flight } = leading;
    const claim = claimParams(run);
    const { operation, options } = run;
    const limits = transactionLimits(run, claim);
    const isUndoable = options.storeError !== undefined;
    const ended = await inHandlerTransaction(
      this.#store,
      { limits, claim, isUndoable, operation },
      (transaction) => this.#execute(transaction, { ...leading, claim }, handler),
    );
    if (ended.state === "rolled back") {
      flight.executing(undefined);
      return { end: "failed", during: ended.during, error: this.#errorOf(run, ended.error) };
    }
    return ended.state === "committed" ? ended.value : this.#afterBrokenCommit(run, ended.value, ended.error);
  }

  #errorOf(run: PreparedRun, error: unknown): unknown {
    if (!(error instanceof NotStoredError)) {
      return error;
    }
    switch (error.reason) {
      case "lost":
        return claimLost(run);
      case "suppressed":
        return writesSuppressed(run);
      case "failed":
    }
    const { cause } = error;
    return notStored(run, `The handler of ${run.operation}`, this.#store.faultOf(cause), cause);
  }

  /** A replay has nothing to commit, and neither has a run that met a lease. */
  async #afterBrokenCommit<T>(
    run: PreparedRun,
    intended: Finished<T> | Held,
    error: unknown,
  ): Promise<RunEnd<T>> {
    if (intended.end !== "executed") {
      return { end: "failed", during: "begin", error };
    }
    const record = await recordAfterBrokenCommit(this.#store, run);
    if (record === undefined) {
      if (isUnanswered(this.#store.faultOf(error))) {
        throw storeUnavailable(run, error);
      }
      return { end: "failed", during: "commit", error };
    }
    return record.owner === intended.record.owner ? intended : { end: "replayed", record };
  }

  async #execute<T>(
    transaction: OpenTransaction<TTransaction>,
    { run, claim, flight, waiting }: Attempt,
    handler: Handler<TTransaction, T>,
  ): Promise<Ending<Finished<T> | Held>> {
    const { session, afterCommit } = transaction;
    // An extension of the application may repeat a transaction: what it claimed before is rolled back.
    flight.executing(undefined);
    const claimed = await session.claim();
    waiting.answered();
    switch (claimed.state) {
      case "finished":
        return { value: { end: "replayed", record: claimed.record } };
      case "held":
        return { value: { end: "held", fingerprint: claimed.fingerprint } };
      case "claimed":
        flight.executing(run.fingerprint);
        if (claimed.committedByHandler === true) {
          warnOfCommitted(run.operation);
        }
    }
    reached("claimed", run);
    const { settled, response } = await answerOf(run, () =>
      executing(run, claimed.attempt, () => execute(transaction, run, claimed.attempt, handler)),
    ).catch(rethrowing(this.#store, session, run.operation));
    reached("handler ended", run);
    run.events?.enter("store");
    const { status } = settled;
    if (settled.status === "failed") {
      await this.#undo(session, run, settled.error);
    }
    const { id, owner } = claim;
    return {
      value: {
        end: "executed",
        settled,
        record: { status, fingerprint: run.fingerprint, owner, response },
        // What a failed handler wanted done belongs to writes that are undone.
        afterCommit: status === "failed" ? [] : afterCommit,
      },
      outcome: { id, owner, status, response, retentionMs: null },
    };
  }

  /** If that fails, the transaction is gone, and with it all it wrote. */
  async #undo(session: StoreSession<unknown>, run: PreparedRun, handlerError: unknown): Promise<void> {
    try {
      await session.undo();
    } catch (error) {
      await throwIfVanished(this.#store, session);
      // An answer that came of a lost connection is none. Otherwise the handler's error says more than this one.
      throw this.#store.faultOf(error) === "unavailable" ? storeUnavailable(run, error) : handlerError;
    }
  }
}

type RunFlight = Flight<FinishedRecord>;

interface Leading {
  readonly run: PreparedRun;
  readonly flight: RunFlight;
  readonly waiting: Waiting;
}

interface Attempt extends Leading {
  readonly claim: ClaimParams;
}

function execute<TTransaction, T>(
  transaction: OpenTransaction<TTransaction>,
  { id, key }: PreparedRun,
  attempt: number,
  handler: Handler<TTransaction, T>,
): Promise<T> {
  return transaction.runHandler((clients) =>
    handler({
      ...clients,
      key,
      attempt,
      deriveKey: (name) => derivedKey(id, name),
      afterCommit: (callback) => transaction.afterCommit.push(callback),
    }),
  );
}
