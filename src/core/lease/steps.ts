import { AsyncLocalStorage } from "node:async_hooks";
import { isIdempotencyError } from "../contract/errors/errors.ts";
import type { StepContext, StepOptions, TransactionStepContext } from "../contract/idempotency.ts";
import type { Store, StoreSession } from "../contract/store.ts";
import { reached } from "../contract/test-points.ts";
import { runCallbacks } from "../outcome/after-commit.ts";
import type { Failed } from "../outcome/run-end.ts";
import { notStored, storeFailed } from "../outcome/run-errors.ts";
import { decodeStored, encodeStored } from "../outcome/stored-outcome.ts";
import { derivedKey } from "../request/identity.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "../retry/backoff.ts";
import { conflictRetries } from "../retry/conflict-retries.ts";
import { isAway, isUnanswered } from "../retry/outage.ts";
import { transactionLimits } from "../run/claim-params.ts";
import { rethrowing } from "../run/handler-errors.ts";
import { inHandlerTransaction } from "../run/handler-transaction.ts";
import { type Lease, renewalOf } from "./lease.ts";
import { StepCalls } from "./step-calls.ts";
import { checkExecute, StepNames } from "./step-names.ts";
import { untilAnswered } from "./until-answered.ts";

/** The steps of one attempt: each is either taken from what earlier attempts recorded, or runs and is recorded. */
export class Steps<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #run: PreparedRun;
  readonly #lease: Lease;
  readonly #attempt: number;
  readonly #recorded: ReadonlyMap<string, string>;
  readonly #names: StepNames;
  readonly #calls: StepCalls;
  #closed = false;

  constructor(
    store: Store<TTransaction>,
    run: PreparedRun,
    lease: Lease,
    attempt: number,
    recorded: ReadonlyMap<string, string>,
  ) {
    this.#store = store;
    this.#run = run;
    this.#lease = lease;
    this.#attempt = attempt;
    this.#recorded = recorded;
    this.#names = new StepNames(run.operation);
    this.#calls = new StepCalls(run.operation);
  }

  /** Runs `execute` outside of any transaction, then records its result. */
  step<T>(
    name: string,
    execute: (step: StepContext) => Promise<T> | T,
    { reconcile }: StepOptions<T> = {},
  ): Promise<T> {
    return this.#once(name, execute, async () => {
      const context = this.#contextOf(name);
      const found = this.#attempt > 1 && reconcile !== undefined ? await reconcile(context) : undefined;
      const response = this.#encode(name, found === undefined ? await execute(context) : found);
      reached("step ended", this.#run);
      const params = { ...this.#owned(), name, response };
      const isRecorded = await untilAnswered(this.#store, this.#lease, (leases) => leases.recordStep(params));
      if (!isRecorded) {
        throw await this.#lease.whyUnchanged(this.#store.leases);
      }
      return response;
    });
  }

  /** Runs `execute` in a transaction that also records its result. */
  transaction<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<T> {
    return this.#once(name, execute, async () => {
      const { outageMs } = this.#run.options;
      const outageDeadline = performance.now() + outageMs;
      let conflicts = 0;
      for (let retry = 0; ; retry += 1) {
        const end = await this.#transact(name, execute);
        if (end.end === "recorded") {
          return end.response;
        }
        const { during, error } = end;
        const fault = this.#store.faultOf(error);
        const isWaitedOut = isAway(fault) && performance.now() < outageDeadline;
        if (during === "begin" && (fault === "write_conflict" || isWaitedOut)) {
          // Ends when the lease is lost.
          await this.#lease.whileHeld(backOff(retry));
          continue;
        }
        const isOurs = during === "begin" || (during === "commit" && isUnanswered(fault));
        if (isOurs && !isIdempotencyError(error)) {
          throw storeFailed(this.#run, fault, error);
        }
        if (fault !== "write_conflict" || conflicts >= conflictRetries(this.#store, this.#run)) {
          throw error;
        }
        conflicts += 1;
        await this.#lease.whileHeld(backOff(retry));
      }
    });
  }

  /** Runs the handler, refuses further steps, and waits for those under way. @throws as {@link StepCalls.during} */
  during<T>(handler: () => Promise<T>): Promise<T> {
    return this.#calls.during(async () => {
      try {
        return await handler();
      } finally {
        this.#closed = true;
      }
    });
  }

  #once<T>(name: string, execute: unknown, work: () => Promise<string>): Promise<T> {
    return this.#calls.watched(this.#result(name, execute, work));
  }

  async #result<T>(name: string, execute: unknown, work: () => Promise<string>): Promise<T> {
    this.#names.take(name, inTransaction.getStore() === this);
    checkExecute(name, execute, this.#run.operation);
    this.#lease.signal.throwIfAborted();
    if (this.#closed) {
      throw new Error(`onceonly: step "${name}" came after its handler had ended; await every step.`);
    }
    const recorded = this.#recorded.get(name);
    if (recorded !== undefined) {
      return decodeStored(this.#run, recorded) as T;
    }
    reached("step", this.#run);
    return decodeStored(this.#run, await work()) as T;
  }

  /** One transaction: renew the lease, execute, record the result, COMMIT. */
  async #transact<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<StepEnd> {
    let renewedAt = 0;
    const end = await this.#lease.paused(async (hold) => {
      const ended = await inHandlerTransaction(
        this.#store,
        { limits: transactionLimits(this.#run, { lockWaitMs: 0 }), operation: this.#run.operation },
        async (transaction) => {
          renewedAt = await this.#renewIn(transaction.session);
          hold();
          const context = this.#contextOf(name);
          const response = await inTransaction
            .run(this, () =>
              transaction.runHandler(async (clients) =>
                this.#encode(name, await execute({ ...context, ...clients })),
              ),
            )
            .catch(rethrowing(this.#store, transaction.session, this.#run.operation));
          reached("step ended", this.#run);
          await this.#recordIn(transaction.session, name, response);
          return { value: response };
        },
      );
      if (ended.state === "committed") {
        this.#lease.renewedAt(renewedAt);
      }
      return ended;
    });
    const isRecorded =
      end.state === "committed" || (end.state === "unknown" && (await this.#isRecorded(name)));
    if (isRecorded) {
      await runCallbacks(end.afterCommit);
      return { end: "recorded", response: end.value };
    }
    const during = end.state === "unknown" ? "commit" : end.during;
    return { end: "failed", during, error: end.error };
  }

  /** Returns when the renewal was sent: it counts from then on, once it is committed. */
  async #renewIn(session: StoreSession<TTransaction>): Promise<number> {
    const sentAt = performance.now();
    if (!(await session.renew(renewalOf(this.#run, this.#lease.owner)))) {
      throw await this.#lease.whyUnchanged(session);
    }
    return sentAt;
  }

  async #recordIn(session: StoreSession<TTransaction>, name: string, response: string): Promise<void> {
    let isRecorded: boolean;
    try {
      isRecorded = await session.recordStep({ ...this.#owned(), name, response });
    } catch (cause) {
      throw notStored(
        this.#run,
        `The transaction "${name}" of ${this.#run.operation}`,
        this.#store.faultOf(cause),
        cause,
      );
    }
    if (!isRecorded) {
      throw await this.#lease.whyUnchanged(session);
    }
  }

  /**
   * Whether a step is recorded whose COMMIT failed, or whose answer was lost. The renewal waits for a COMMIT that is still
   * on its way, which is then visible. It waits no longer than the lease is valid: the connection that holds the lock may
   * be dead to the database too.
   */
  async #isRecorded(name: string): Promise<boolean> {
    const params = renewalOf(this.#run, this.#lease.owner);
    if (!(await untilAnswered(this.#store, this.#lease, (leases) => leases.renew(params)))) {
      throw await this.#lease.whyUnchanged(this.#store.leases);
    }
    const steps = await untilAnswered(this.#store, this.#lease, (leases) => leases.steps(this.#run.id));
    return steps.some((step) => step.name === name);
  }

  #owned(): { readonly id: string; readonly owner: string } {
    return { id: this.#lease.id, owner: this.#lease.owner };
  }

  #contextOf(name: string): StepContext {
    return {
      key: derivedKey(this.#run.id, name),
      attempt: this.#attempt,
      signal: this.#lease.signal,
    };
  }

  #encode(name: string, value: unknown): string {
    return encodeStored(this.#run, value, `step "${name}" of ${this.#run.operation}`);
  }
}

/** How a step in a transaction ended: recorded, or without a trace. */
type StepEnd = { readonly end: "recorded"; readonly response: string } | Failed;

/** The `Steps` in one of whose transactions the current code runs. */
const inTransaction: AsyncLocalStorage<unknown> = new AsyncLocalStorage();
