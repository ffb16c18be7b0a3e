import type { Handler, SettledRun } from "../contract/idempotency.ts";
import type { ClaimParams, FinishedRecord, Store, StoreSession } from "../contract/store.ts";
import { settle } from "../outcome/answer.ts";
import { throwIfReused } from "../outcome/stored-outcome.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "./backoff.ts";
import { recordAfterBrokenCommit } from "./broken-commit.ts";
import { claimOf, limitsOf } from "./claim-params.ts";
import type { Duplicates, Ended } from "./duplicates.ts";
import { FinishedIds } from "./finished-ids.ts";
import { lendTo } from "./handler-transaction.ts";
import { refuseNested } from "./refuse-nested.ts";
import { claimLost, notStored, storeUnavailable } from "./run-errors.ts";
import { throwUnlessWorthRetrying, waitForLease } from "./waiting.ts";

/**
 * Mode `transaction`: claim, handler and result commit together. All control flow of such a run is in this file:
 *
 *     run                       leads, or waits in memory for the duplicate in this process that leads (duplicates.ts)
 *     └ lead                    reads a record seen finished before; otherwise claims, as option `claim` says
 *       ├ claimEarly            repeats an attempt that met a held lock, a lease or a write conflict
 *       │ └ attempt             one transaction, in which
 *       │   └ claimAndExecute   claims; replays, or sets a savepoint, runs the handler (settle.ts), stores its result
 *       └ claimLate             one attempt, then claimEarly if that did not commit
 *         └ attempt
 *           └ executeAndClaim   runs the handler; then claim and result in one statement
 *
 * An attempt whose COMMIT failed asks the database how it ended (broken-commit.ts).
 */
export class TransactionRunner<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #duplicates: Duplicates;
  readonly #seen: FinishedIds = new FinishedIds();

  constructor(store: Store<TTransaction>, duplicates: Duplicates) {
    this.#store = store;
    this.#duplicates = duplicates;
  }

  run<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<SettledRun<T>> {
    refuseNested(this.#store, run);
    return this.#duplicates.run(run, () => this.#lead(run, handler));
  }

  async #lead<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<Ended<T>> {
    const known = this.#seen.has(run.id) ? await this.#read(run) : undefined;
    if (known !== undefined) {
      return { record: known, afterCommit: [] };
    }
    const ended =
      run.options.claim === "late" && this.#store.claimsLate
        ? await this.#claimLate(run, handler)
        : await this.#claimEarly(run, handler);
    this.#seen.add(run.id);
    return ended;
  }

  /** Whatever goes wrong here, the claim meets too, and knows what to do about it. */
  async #read({ id }: PreparedRun): Promise<FinishedRecord | undefined> {
    try {
      return await this.#store.replayable(id);
    } catch {
      return undefined;
    }
  }

  async #claimEarly<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<Ended<T>> {
    let conflictRetriesLeft = run.options.retryConflicts;
    for (let retry = 0; ; retry += 1) {
      const result = await this.#attempt(run, (session, progress) =>
        this.#claimAndExecute(session, run, progress, handler),
      );
      if ("record" in result) {
        return result;
      }
      if (result.failedIn === "lease") {
        throwIfReused(run, result.fingerprint);
        await waitForLease(run, retry);
        continue;
      }
      const { failedIn, error } = result;
      const fault = this.#store.faultOf(error);
      if (failedIn === "begin") {
        throwUnlessWorthRetrying(run, fault, error);
      } else if (fault !== "write_conflict" || conflictRetriesLeft === 0) {
        throw error;
      } else {
        conflictRetriesLeft -= 1;
      }
      if (fault === "write_conflict") {
        await backOff(retry);
      }
    }
  }

  /**
   * Commits only the first record of the key. In every other case nothing is left of the attempt, and an early claim
   * decides. It executes the handler again only if the handler did not fail by itself.
   */
  async #claimLate<T>(run: PreparedRun, handler: Handler<TTransaction, T>): Promise<Ended<T>> {
    const result = await this.#attempt(run, (session, progress) =>
      this.#executeAndClaim(session, run, progress, handler),
    );
    if ("record" in result) {
      return result;
    }
    const { failedIn, error, givenUp } = result;
    if (givenUp === "not first") {
      return this.#claimEarly(run, handler);
    }
    if (givenUp !== undefined) {
      return this.#settleFailure(run, givenUp.answer, true);
    }
    const fault = this.#store.faultOf(error);
    if (failedIn === "begin") {
      throwUnlessWorthRetrying(run, fault, error);
      return this.#claimEarly(run, handler);
    }
    if (fault === "write_conflict" || (failedIn === "insert" && fault === "lock_timeout")) {
      return this.#claimEarly(run, handler);
    }
    return this.#settleFailure(run, failedIn === "insert" ? notStored(run, fault, error) : error, false);
  }

  /**
   * The handler of a late claim has failed, perhaps because its own duplicate has committed. An early claim replays the
   * record that is there by now. If there is none, it stores the error if that is an answer, and else throws it.
   */
  #settleFailure<T>(run: PreparedRun, error: unknown, isAnswer: boolean): Promise<Ended<T>> {
    const options = { ...run.options, storeError: isAnswer ? () => true : undefined };
    return this.#claimEarly({ ...run, options }, async () => {
      throw error;
    });
  }

  /**
   * One transaction. If it fails, it leaves no trace.
   *
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE` if the database was away during COMMIT.
   */
  async #attempt<T, TOther extends object = never>(
    run: PreparedRun,
    body: (session: StoreSession<TTransaction>, progress: Progress) => Promise<Ended<T> | TOther>,
  ): Promise<Ended<T> | TOther | FailedAttempt> {
    const progress: Progress = { params: claimOf(run), phase: "begin", givenUp: undefined };
    let execution: Ended<T> | undefined;
    try {
      return await this.#store.transaction(limitsOf(run, progress.params), async (session) => {
        // Client extensions may call this more than once.
        progress.phase = "begin";
        execution = undefined;
        const result = await body(session, progress);
        execution = isExecution<T>(result) ? result : execution;
        return result;
      });
    } catch (error) {
      if (execution === undefined) {
        return { failedIn: progress.phase, error, givenUp: progress.givenUp };
      }
      const record = await recordAfterBrokenCommit(this.#store, run);
      if (record === undefined) {
        if (this.#store.faultOf(error) === "unavailable") {
          throw storeUnavailable(run, error);
        }
        return { failedIn: "commit", error, givenUp: undefined };
      }
      return record.owner === execution.record.owner ? execution : { record, afterCommit: [] };
    }
  }

  async #claimAndExecute<T>(
    session: StoreSession<TTransaction>,
    run: PreparedRun,
    progress: Progress,
    handler: Handler<TTransaction, T>,
  ): Promise<Ended<T> | HeldByLease> {
    const claimed = await session.claim(progress.params);
    if (claimed.state === "finished") {
      return { record: claimed.record, afterCommit: [] };
    }
    if (claimed.state === "held") {
      return { failedIn: "lease", fingerprint: claimed.fingerprint };
    }
    if (run.options.storeError !== undefined) {
      await session.savepoint();
    }
    progress.phase = "handler";
    const afterCommit: (() => unknown)[] = [];
    const { executed, response } = await settle(run, () =>
      lendTo(session, run, claimed.attempt, afterCommit, handler),
    );
    if (executed.status === "failed") {
      await undo(session, executed.error);
      afterCommit.length = 0;
    }
    const ended = { executed, record: recordOf(run, progress.params, executed, response), afterCommit };
    let stored: boolean;
    try {
      stored = await session.complete({ ...ended.record, id: run.id });
    } catch (error) {
      throw notStored(run, this.#store.faultOf(error), error);
    }
    if (!stored) {
      throw claimLost(run, "nothing of it was committed");
    }
    return ended;
  }

  async #executeAndClaim<T>(
    session: StoreSession<TTransaction>,
    run: PreparedRun,
    progress: Progress,
    handler: Handler<TTransaction, T>,
  ): Promise<Ended<T>> {
    if (progress.givenUp !== undefined) {
      // An extension of the client repeats failed transactions.
      throw new RolledBack();
    }
    progress.phase = "handler";
    const afterCommit: (() => unknown)[] = [];
    const { executed, response } = await settle(run, () => lendTo(session, run, 1, afterCommit, handler));
    if (executed.status === "failed") {
      if (await this.#isOpen(session)) {
        progress.givenUp = { answer: executed.error };
      }
      throw executed.error;
    }
    progress.phase = "insert";
    if (!(await session.insertFinished({ ...progress.params, response }))) {
      progress.givenUp = "not first";
      throw new RolledBack();
    }
    return { executed, record: recordOf(run, progress.params, executed, response), afterCommit };
  }

  /** An error that came from a lost connection, or after the transaction had timed out, is not an answer. */
  async #isOpen(session: StoreSession<TTransaction>): Promise<boolean> {
    try {
      await session.savepoint();
      return true;
    } catch (error) {
      return this.#store.faultOf(error) === "transaction_aborted";
    }
  }
}

interface Progress {
  readonly params: ClaimParams;
  /** What is under way: BEGIN and an early claim, the handler and the storing of its result, or a late claim. */
  phase: "begin" | "handler" | "insert";
  /**
   * Why a late claim gave its transaction up: the key has a record, or the handler's error is its answer. The rejection of
   * the transaction does not tell: client extensions wrap it, or repeat the transaction because of it.
   */
  givenUp: "not first" | { readonly answer: unknown } | undefined;
}

interface FailedAttempt {
  readonly failedIn: Progress["phase"] | "commit";
  readonly error: unknown;
  readonly givenUp: Progress["givenUp"];
}

/** A leased run holds the record. */
interface HeldByLease {
  readonly failedIn: "lease";
  readonly fingerprint: string;
}

/** A replay has nothing to commit, and neither has a run that met a lease. */
function isExecution<T>(result: object): result is Ended<T> {
  return "executed" in result;
}

/** Makes Prisma roll back the transaction. */
class RolledBack extends Error {}

function recordOf(
  { fingerprint }: PreparedRun,
  { owner }: ClaimParams,
  { status }: SettledRun<unknown>,
  response: string,
): FinishedRecord {
  return { status, fingerprint, owner, response };
}

async function undo(session: StoreSession<unknown>, handlerError: unknown): Promise<void> {
  try {
    await session.rollbackToSavepoint();
  } catch {
    // The transaction is gone, and with it all it wrote: the handler's error says more than this one.
    throw handlerError;
  }
}
