import type { StoreFault } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { backOff } from "./backoff.ts";

/** A server that changes its role refuses writes for a moment. */
const AWAY: ReadonlySet<StoreFault | undefined> = new Set<StoreFault>(["unavailable", "read_only"]);

const BASE_MS = 25;
// Many runs may wait at the same time, and the database that comes back has to meet them all.
const CAP_MS = 2_000;

/** Whether `fault` is of a database that is not there for a while. */
export function isAway(fault: StoreFault | undefined): boolean {
  return AWAY.has(fault);
}

/** Tells a database that is away for a while, for which runs wait, from one that was never there: a mistake in the set-up. */
export class Outage {
  #hasAnswered = false;

  /** The database has answered a run. */
  answered(): void {
    this.#hasAnswered = true;
  }

  /** Whether a run that met `fault` before anything was executed waits for the database. */
  isWaitedOut(fault: StoreFault | undefined, { outageDeadline }: PreparedRun): boolean {
    return isAway(fault) && this.#hasAnswered && performance.now() < outageDeadline;
  }
}

/** Waits before look number `retry` (from 0) for a database that is away. */
export function backOffFromOutage(retry: number): Promise<void> {
  return backOff(retry, BASE_MS, CAP_MS);
}
