import { AsyncLocalStorage } from "node:async_hooks";
import type { StepContext, StepOptions, TransactionStepContext } from "../contract/idempotency.ts";
import type { RunningHandler, Store, StoreSession } from "../contract/store.ts";
import { decodeValue, encodeValue } from "../outcome/stored-outcome.ts";
import { derivedKey } from "../request/identity.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { runCallbacks } from "../run/after-commit.ts";
import { backOff } from "../run/backoff.ts";
import { limitsOf } from "../run/claim-params.ts";
import { statementFailed, storeUnavailable } from "../run/run-errors.ts";
import type { Lease } from "./lease.ts";
import { StepNames } from "./step-names.ts";
import { persist } from "./until-answered.ts";

/** The steps of one attempt: each is either taken from what earlier attempts recorded, or runs and is recorded. */
export class Steps<TTransaction> {
  readonly #store: Store<TTransaction>;
  readonly #run: PreparedRun;
  readonly #lease: Lease;
  readonly #attempt: number;
  readonly #recorded: ReadonlyMap<string, string>;
  readonly #names: StepNames;
  readonly #underWay: Set<Promise<unknown>> = new Set();
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
  }

  /** Runs `execute` outside of any transaction, then records its result. */
  step<T>(
    name: string,
    execute: (step: StepContext) => Promise<T> | T,
    { reconcile }: StepOptions<T> = {},
  ): Promise<T> {
    return this.#once(name, async () => {
      const context = this.#contextOf(name);
      const found = this.#attempt > 1 && reconcile !== undefined ? await reconcile(context) : undefined;
      const response = this.#encode(name, found === undefined ? await execute(context) : found);
      const params = { ...this.#owned(), name, response };
      const isRecorded = await persist(this.#store, this.#lease, (leases) => leases.recordStep(params));
      if (!isRecorded) {
        throw this.#lease.lose();
      }
      return response;
    });
  }

  /** Runs `execute` in a transaction that also records its result. */
  transaction<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<T> {
    return this.#once(name, async () => {
      let conflictRetriesLeft = this.#run.options.retryConflicts;
      for (let retry = 0; ; retry += 1) {
        const result = await this.#try(name, execute);
        if ("response" in result) {
          return result.response;
        }
        const { failedIn, error } = result;
        const fault = this.#store.faultOf(error);
        if (fault === "unavailable" && failedIn !== "handler") {
          throw storeUnavailable(this.#run, error);
        }
        if (fault !== "write_conflict" || (failedIn !== "begin" && conflictRetriesLeft === 0)) {
          throw error;
        }
        conflictRetriesLeft -= failedIn === "begin" ? 0 : 1;
        // Ends when the lease is lost.
        await this.#lease.whileHeld(backOff(retry));
      }
    });
  }

  /** Refuses further steps, and waits for those under way: they belong to this attempt. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#underWay.size > 0) {
      await Promise.allSettled(this.#underWay);
    }
  }

  async #once<T>(name: string, work: () => Promise<string>): Promise<T> {
    this.#names.take(name, inTransaction.getStore() === this);
    this.#lease.signal.throwIfAborted();
    if (this.#closed) {
      throw new Error(`onceonly: step "${name}" came after its handler had ended; await every step.`);
    }
    const recorded = this.#recorded.get(name);
    if (recorded !== undefined) {
      return decodeValue(this.#run, recorded) as T;
    }
    const response = work();
    this.#track(response);
    return decodeValue(this.#run, await response) as T;
  }

  async #try<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<TransactionEnd> {
    const afterCommit: (() => unknown)[] = [];
    const end = await this.#transact(name, execute, afterCommit);
    if ("response" in end) {
      await runCallbacks(afterCommit);
    }
    return end;
  }

  /** One transaction: renew the lease, execute, record the result, COMMIT. */
  async #transact<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
    afterCommit: (() => unknown)[],
  ): Promise<TransactionEnd> {
    const owned = this.#owned();
    let failedIn: "begin" | "handler" = "begin";
    let written: string | undefined;
    try {
      const transaction = () =>
        this.#store.transaction(limitsOf(this.#run, { lockWaitMs: 0 }), async (session) => {
          // Client extensions that repeat failed transactions call this more than once.
          failedIn = "begin";
          written = undefined;
          afterCommit.length = 0;
          const sentAt = performance.now();
          if (!(await session.renew({ ...owned, leaseMs: this.#run.options.leaseMs }))) {
            throw this.#lease.lose();
          }
          this.#lease.renewedAt(sentAt);
          failedIn = "handler";
          const handler = { operation: this.#run.operation, afterCommit };
          const result = await this.#executed(name, session, handler, execute);
          await this.#recordIn(session, name, result);
          written = result;
          return result;
        });
      return { response: await this.#lease.paused(transaction) };
    } catch (error) {
      return written === undefined ? { failedIn, error } : this.#afterBrokenCommit(name, written, error);
    }
  }

  async #recordIn(session: StoreSession<TTransaction>, name: string, response: string): Promise<void> {
    let isRecorded: boolean;
    try {
      isRecorded = await session.recordStep({ ...this.#owned(), name, response });
    } catch (cause) {
      const { operation } = this.#run;
      throw this.#store.faultOf(cause) === "transaction_aborted"
        ? statementFailed(operation, `The transaction "${name}" of ${operation}`, cause)
        : cause;
    }
    if (!isRecorded) {
      throw this.#lease.lose();
    }
  }

  async #executed<T>(
    name: string,
    session: StoreSession<TTransaction>,
    handler: RunningHandler,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<string> {
    const context = this.#contextOf(name);
    return inTransaction.run(this, () =>
      session.lend(handler, async (tx) => this.#encode(name, await execute({ ...context, tx }))),
    );
  }

  /**
   * COMMIT failed or its answer was lost. The renewal waits for a COMMIT that is still on its way, which is then visible.
   * It waits no longer than the lease is valid: the connection that holds the lock may be dead to the database too.
   */
  async #afterBrokenCommit(name: string, response: string, error: unknown): Promise<TransactionEnd> {
    const { leaseMs } = this.#run.options;
    const params = { ...this.#owned(), leaseMs };
    if (!(await persist(this.#store, this.#lease, (leases) => leases.renew(params)))) {
      throw this.#lease.lose();
    }
    const steps = await persist(this.#store, this.#lease, (leases) => leases.steps(this.#run.id));
    return steps.some((step) => step.name === name) ? { response } : { failedIn: "commit", error };
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
    return encodeValue(this.#run, value, `step "${name}" of ${this.#run.operation}`);
  }

  #track(work: Promise<unknown>): void {
    const ended: Promise<unknown> = work.then(
      () => this.#underWay.delete(ended),
      () => this.#underWay.delete(ended),
    );
    this.#underWay.add(ended);
  }
}

/** How a transaction ended: recorded, or without a trace. */
type TransactionEnd =
  | { readonly response: string }
  | { readonly failedIn: "begin" | "handler" | "commit"; readonly error: unknown };

/** The `Steps` in one of whose transactions the current code runs. */
const inTransaction: AsyncLocalStorage<unknown> = new AsyncLocalStorage();
