import { AsyncLocalStorage } from "node:async_hooks";
import { backOff } from "./backoff.ts";
import { limitsOf } from "./claim.ts";
import type { StepContext, StepOptions, TransactionStepContext } from "./idempotency.ts";
import { derivedKey } from "./key.ts";
import type { Lease } from "./lease.ts";
import { decodeValue, encodeValue } from "./outcome.ts";
import { persist } from "./persist.ts";
import type { PreparedRun } from "./request.ts";
import { StepNames } from "./step-names.ts";
import type { Store } from "./store.ts";
import { storeUnavailable } from "./waiting.ts";

/** The steps of one attempt: each is taken from what earlier attempts recorded, or runs and is recorded. */
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
      let began = false;
      const executeOnce = (step: TransactionStepContext<TTransaction>) => {
        began = true;
        return execute(step);
      };
      for (let retry = 0, executed = 0; ; retry += 1) {
        try {
          return await this.#committed(name, executeOnce);
        } catch (error) {
          executed += began ? 1 : 0;
          const fault = this.#store.faultOf(error);
          // One that was refused before `execute` ran may be repeated as long as the lease is held.
          if (fault !== "write_conflict" || executed > this.#run.options.retryConflicts) {
            throw began || fault !== "unavailable" ? error : storeUnavailable(this.#run, error);
          }
        }
        began = false;
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

  async #committed<T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ): Promise<string> {
    const owned = this.#owned();
    let response: string | undefined;
    const transaction = () =>
      this.#store.transaction(limitsOf(this.#run, { lockWaitMs: 0 }), async (session) => {
        response = undefined;
        const sentAt = performance.now();
        if (!(await session.renew({ ...owned, leaseMs: this.#run.options.leaseMs }))) {
          throw this.#lease.lose();
        }
        this.#lease.renewedAt(sentAt);
        const context = { ...this.#contextOf(name), tx: session.tx };
        const written = await inTransaction.run(this, async () => {
          try {
            return this.#encode(name, await execute(context));
          } finally {
            await session.seal();
          }
        });
        if (!(await session.recordStep({ ...owned, name, response: written }))) {
          throw this.#lease.lose();
        }
        response = written;
        return written;
      });
    try {
      return await this.#lease.paused(transaction);
    } catch (error) {
      if (response === undefined) {
        throw error;
      }
      return this.#afterBrokenCommit(name, response, error);
    }
  }

  /**
   * COMMIT failed or its answer was lost. The renewal waits for one that is still on its way; then it is seen. It waits
   * no longer than the lease is good, as the connection that holds the lock may be dead to the database too.
   */
  async #afterBrokenCommit(name: string, response: string, error: unknown): Promise<string> {
    const { leaseMs } = this.#run.options;
    const isRenewed = await persist(this.#store, this.#lease, (leases) =>
      leases.renew({ ...this.#owned(), leaseMs }),
    );
    if (!isRenewed) {
      throw this.#lease.lose();
    }
    const steps = await persist(this.#store, this.#lease, (leases) => leases.steps(this.#run.id));
    if (steps.some((step) => step.name === name)) {
      return response;
    }
    throw this.#store.faultOf(error) === "unavailable" ? storeUnavailable(this.#run, error) : error;
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

/** The steps inside one of whose transactions the code runs. */
const inTransaction: AsyncLocalStorage<unknown> = new AsyncLocalStorage();
