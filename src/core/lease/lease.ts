// The global ones give numbers in Workers of before 2026-02-10, and those have no `unref`.
import { clearTimeout, setTimeout } from "node:timers";
import { setTimeout as sleep } from "node:timers/promises";
import { halfJitter } from "../browser/jitter.ts";
import type { IdempotencyError } from "../contract/errors/errors.ts";
import type { OwnerWrites, RenewParams, Store } from "../contract/store.ts";
import { leaseLost, writesSuppressed } from "../outcome/run-errors.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { hedged } from "./hedged.ts";

const RETRY_MS = 25;

/**
 * The claim of a leased run while it executes: renewed every third of its duration, or lost.
 *
 * It is lost when the database says so, or when nothing was heard from the database for the whole duration. Only the
 * database's clock decides when it has lapsed; ours measures how long ago a renewal was sent.
 */
export class Lease {
  readonly id: string;
  readonly operation: string;
  readonly owner: string;
  /** Aborted when the lease is lost (its reason is the `LEASE_LOST` error), or when a completer stops. */
  readonly signal: AbortSignal;
  readonly #run: PreparedRun;
  readonly #store: Store<unknown>;
  readonly #stopped: AbortController = new AbortController();
  readonly #aborted: AbortController = new AbortController();
  readonly #lost: AbortController = new AbortController();
  readonly #loss: Promise<never>;
  #renewedAt = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #pauses = 0;
  #isEnding = false;

  constructor(store: Store<unknown>, run: PreparedRun, owner: string, outer?: AbortSignal) {
    this.id = run.id;
    this.operation = run.operation;
    this.owner = owner;
    this.#run = run;
    this.#store = store;
    this.signal = this.#aborted.signal;
    if (outer !== undefined) {
      this.#follow(outer);
    }
    const lost = this.#lost.signal;
    this.#loss = new Promise((_, reject) => {
      lost.addEventListener("abort", () => reject(lost.reason as Error));
    });
    // Possibly nobody is waiting for it.
    this.#loss.catch(() => {});
  }

  /** Starts the heartbeat. `claimedAt` is when the claim was sent, on the clock of `performance.now()`. */
  start(claimedAt: number): void {
    this.renewedAt(claimedAt);
    void this.#beat();
  }

  /** Ends the heartbeat. In the database the lease stays as it is. */
  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#watchdog);
  }

  /** Says that the claim is being ended: a renewal that arrives later finds no claim, which is not a loss. */
  ending(): void {
    this.#isEnding = true;
  }

  /** Declares the lease lost, and returns the error that says so. `cause` is what the loss led to, for the log. */
  lose(cause?: unknown, takenOver = true): IdempotencyError<"LEASE_LOST"> {
    const error = leaseLost(this.#run, takenOver, cause);
    if (!this.#stopped.signal.aborted) {
      this.#run.events?.leaseLost(takenOver);
      this.stop();
      this.#lost.abort(error);
      this.#aborted.abort(error);
    }
    return error;
  }

  /** Why a write of ours has changed nothing: the claim is another's, or the database keeps the write from the row. */
  async whyUnchanged(writes: OwnerWrites): Promise<Error> {
    return (await this.isHeldIn(writes)) ? writesSuppressed(this) : this.lose();
  }

  async isHeldIn(writes: OwnerWrites): Promise<boolean> {
    return this.whileHeld(writes.holds(this)).catch(() => false);
  }

  /** Waits for `work`, but not past the loss of the lease. */
  async whileHeld<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#loss]);
  }

  /**
   * Runs `work`, without heartbeats from when it calls `hold`: they would wait for its transaction, which has renewed the lease
   * itself. A transaction that cannot begin holds nothing, and the lease may be lost meanwhile.
   */
  async paused<T>(work: (hold: () => void) => Promise<T>): Promise<T> {
    let isHeld = false;
    const hold = () => {
      // An extension of the application may repeat a transaction.
      if (!isHeld) {
        isHeld = true;
        this.#pauses += 1;
        clearTimeout(this.#watchdog);
      }
    };
    try {
      return await work(hold);
    } finally {
      if (isHeld) {
        this.#pauses -= 1;
        this.#watch();
        if (performance.now() - this.#renewedAt >= this.#beatMs) {
          void this.#renew();
        }
      }
    }
  }

  /** Notes a renewal that was sent at `sentAt` and succeeded. */
  renewedAt(sentAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, sentAt);
    this.#watch();
  }

  /**
   * Aborts our signal with `source`, while the run lasts. With `AbortSignal.any`, a completer's signal would hold on to the
   * signals of all its runs, and to whatever listens to them.
   */
  #follow(source: AbortSignal): void {
    const abort = () => this.#aborted.abort(source.reason);
    if (source.aborted) {
      abort();
    }
    source.addEventListener("abort", abort, { once: true, signal: this.#stopped.signal });
  }

  get #beatMs(): number {
    return this.#run.options.leaseMs / 3;
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stopped;
    const pauseMs = this.#beatMs;
    for (let failures = 0; !signal.aborted; ) {
      const retryMs = halfJitter(RETRY_MS * 2 ** failures);
      // Without `ref`, a run under way does not keep its process alive.
      const options = { signal, ref: false };
      await sleep(failures === 0 ? pauseMs : Math.min(retryMs, pauseMs / 4), undefined, options).catch(
        () => {},
      );
      failures = (await this.#renew()) ? 0 : failures + 1;
    }
  }

  /**
   * Returns `false` if the renewal failed, as on SQLite while another process writes. Another renewal soon follows; the
   * watchdog decides when it is too late.
   */
  async #renew(): Promise<boolean> {
    if (this.#pauses > 0 || this.#stopped.signal.aborted) {
      return true;
    }
    const { owner } = this;
    const sentAt = performance.now();
    try {
      const renew = () => this.#store.leases.renew(renewalOf(this.#run, owner));
      if (await hedged(renew, this.#beatMs)) {
        this.renewedAt(sentAt);
      } else if (!this.#isEnding) {
        this.lose();
      }
      return true;
    } catch {
      return false;
    }
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    if (this.#pauses > 0 || this.#stopped.signal.aborted) {
      return;
    }
    const { leaseMs } = this.#run.options;
    // After a long pause there must be time for a renewal.
    const leftMs = Math.max(this.#renewedAt + leaseMs - performance.now(), this.#beatMs);
    this.#watchdog = setTimeout(() => this.lose(undefined, false), leftMs);
    this.#watchdog.unref();
  }
}

/** The renewal of a run's lease, which also puts off the end of its record. */
export function renewalOf({ id, options }: Pick<PreparedRun, "id" | "options">, owner: string): RenewParams {
  return { id, owner, leaseMs: options.leaseMs, retentionMs: options.retentionMs };
}
