import type { StoreFault } from "../contract/store.ts";
import { warnOnce } from "../contract/warn-once.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "./backoff.ts";
import { Turns } from "./turns.ts";

const AWAY: ReadonlySet<StoreFault | undefined> = new Set<StoreFault>([
  "unavailable",
  // A server that changes its role refuses writes for a moment.
  "read_only",
  // All of its time went by before the claim was answered, or COMMIT.
  "transaction_expired",
]);

const BASE_MS = 25;
const CAP_MS = 2_000;

/**
 * How many runs ask for the database at a time while it is away. An attempt that is given up keeps its place in the driver's
 * queue, and the database that comes back serves it in vain: thousands at a time would keep each other out for good.
 */
const TURNS = 16;

/** Whether `fault`, met before anything was executed or by COMMIT, is of a database that is not there for a while. */
export function isAway(fault: StoreFault | undefined): boolean {
  return AWAY.has(fault);
}

/**
 * Whether a COMMIT that met `fault` had no answer, or hung until the time of its transaction was over. That the server refused to
 * write, a trigger of the application may have said.
 */
export function isUnanswered(fault: StoreFault | undefined): boolean {
  return fault === "unavailable" || fault === "transaction_expired";
}

/** Tells a database that is away for a while, for which runs wait, from one that was never there: a mistake in the set-up. */
export class Outage {
  readonly turns: Turns = new Turns(TURNS);
  hasAnswered = false;
}

/** One run that may have to wait for the database. It keeps its turn from its first failure until the database has answered. */
export class Waiting {
  readonly #outage: Outage;
  readonly #run: PreparedRun;
  #hasTurn = false;
  #awaySince: number | undefined;

  constructor(outage: Outage, run: PreparedRun) {
    this.#outage = outage;
    this.#run = run;
  }

  /**
   * Waits before retry number `retry` (from 0) of a run that met `fault` before anything was executed. Returns `false`, perhaps
   * at once, if the run waits no longer.
   */
  async out(fault: StoreFault | undefined, retry: number): Promise<boolean> {
    const leftMs = this.#run.outageDeadline - performance.now();
    if (!isAway(fault) || !this.#outage.hasAnswered || leftMs <= 0) {
      this.end();
      return false;
    }
    this.#awaySince ??= performance.now();
    if (fault === "read_only") {
      warnOfReadOnly();
    }
    this.#hasTurn ||= await this.#outage.turns.take(leftMs);
    if (!this.#hasTurn) {
      return false;
    }
    await backOffFromOutage(retry);
    // An attempt that was given up may be answered meanwhile, which ends our turn, but not our waiting.
    return true;
  }

  /** The database has answered. */
  answered(): void {
    this.#outage.hasAnswered = true;
    this.end();
  }

  /** The run waits no longer, and has lost nothing of its time to wait for a duplicate. */
  end(): void {
    if (this.#awaySince !== undefined) {
      this.#run.deadline += performance.now() - this.#awaySince;
      this.#awaySince = undefined;
    }
    if (this.#hasTurn) {
      this.#hasTurn = false;
      this.#outage.turns.pass();
    }
  }
}

function warnOfReadOnly(): void {
  warnOnce(
    "ONCEONLY_READ_ONLY",
    "",
    "onceonly: The database refuses writes. Each run waits for up to outageMs, as for a server that changes its role. If it stays so, the " +
      "client is connected to a standby, or default_transaction_read_only is on: idempotency.check() says which.",
  );
}

/** Waits before look number `retry` (from 0) for a database that is away. */
export function backOffFromOutage(retry: number): Promise<void> {
  return backOff(retry, BASE_MS, CAP_MS);
}
