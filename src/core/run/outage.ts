import type { StoreFault } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "./backoff.ts";

/** A server that changes its role refuses writes for a moment. */
const AWAY: ReadonlySet<StoreFault | undefined> = new Set<StoreFault>(["unavailable", "read_only"]);

const BASE_MS = 25;
const CAP_MS = 2_000;

/**
 * How many runs ask for the database at a time while it is away. An attempt that is given up keeps its place in the driver's
 * queue, and the database that comes back serves it in vain: thousands at a time would keep each other out for good.
 */
const TURNS = 16;

/** Tells a database that is away for a while, for which runs wait, from one that was never there: a mistake in the set-up. */
export class Outage {
  readonly #turns: Turns = new Turns(TURNS);
  #hasAnswered = false;

  /** How the run of this deadline waits. */
  waiting({ outageDeadline }: Pick<PreparedRun, "outageDeadline">): Waiting {
    return new Waiting(this.#turns, outageDeadline, {
      hasAnswered: () => this.#hasAnswered,
      answered: () => {
        this.#hasAnswered = true;
      },
    });
  }
}

interface Memory {
  hasAnswered(): boolean;
  answered(): void;
}

/** One run that may have to wait for the database. It keeps its turn from its first failure until the database has answered. */
export class Waiting {
  readonly #turns: Turns;
  readonly #deadline: number;
  readonly #memory: Memory;
  #hasTurn = false;

  constructor(turns: Turns, deadline: number, memory: Memory) {
    this.#turns = turns;
    this.#deadline = deadline;
    this.#memory = memory;
  }

  /**
   * Waits before retry number `retry` (from 0) of a run that met `fault` before anything was executed. Returns `false`, perhaps
   * at once, if the run waits no longer.
   */
  async out(fault: StoreFault | undefined, retry: number): Promise<boolean> {
    const leftMs = this.#deadline - performance.now();
    if (!AWAY.has(fault) || !this.#memory.hasAnswered() || leftMs <= 0) {
      this.end();
      return false;
    }
    this.#hasTurn ||= await this.#turns.take(leftMs);
    if (!this.#hasTurn) {
      return false;
    }
    await backOffFromOutage(retry);
    // An attempt that was given up may be answered meanwhile, which ends our turn, but not our waiting.
    return true;
  }

  /** The database has answered. */
  answered(): void {
    this.#memory.answered();
    this.end();
  }

  /** The run waits no longer. */
  end(): void {
    if (this.#hasTurn) {
      this.#hasTurn = false;
      this.#turns.pass();
    }
  }
}

/** A limited number of turns, taken in the order of asking. */
class Turns {
  readonly #queue: Set<() => void> = new Set();
  #left: number;

  constructor(count: number) {
    this.#left = count;
  }

  /** Returns whether there was a turn within `limitMs` milliseconds. */
  async take(limitMs: number): Promise<boolean> {
    if (this.#left > 0) {
      this.#left -= 1;
      return true;
    }
    return new Promise((resolve) => {
      const end = (isTaken: boolean) => {
        clearTimeout(timer);
        this.#queue.delete(take);
        resolve(isTaken);
      };
      const take = () => end(true);
      const timer = setTimeout(end, limitMs, false);
      this.#queue.add(take);
    });
  }

  /** Leaves a turn to the next one. */
  pass(): void {
    const [next] = this.#queue;
    if (next === undefined) {
      this.#left += 1;
    } else {
      next();
    }
  }
}

/** Waits before look number `retry` (from 0) for a database that is away. */
export function backOffFromOutage(retry: number): Promise<void> {
  return backOff(retry, BASE_MS, CAP_MS);
}
