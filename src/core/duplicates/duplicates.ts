import type { SettledRun } from "../contract/idempotency.ts";
import type { FinishedRecord } from "../contract/store.ts";
import { waiting } from "../events/call-events.ts";
import { runCallbacks } from "../outcome/after-commit.ts";
import type { Finished } from "../outcome/run-end.ts";
import { inProgress } from "../outcome/run-errors.ts";
import { replay, throwIfReused } from "../outcome/stored-outcome.ts";
import type { PreparedRun } from "../request/prepare.ts";
import type { CachedReplays } from "./cached-replays.ts";
import { type Flight, SingleFlight } from "./single-flight.ts";
import { Waiters } from "./waiters.ts";

/**
 * Sends one run of each id to the database, or to the cache of finished ones before it; its duplicates in this process wait in
 * memory for the outcome.
 */
export class Duplicates {
  readonly #waiters: Waiters = new Waiters();
  readonly #flights: SingleFlight<FinishedRecord> = new SingleFlight();
  readonly #cached: CachedReplays | undefined;

  constructor(cached?: CachedReplays) {
    this.#cached = cached;
  }

  async run<T>(run: PreparedRun, leadInDatabase: Lead<T>): Promise<SettledRun<T>> {
    const cached = this.#cached;
    const lead: Lead<T> =
      cached === undefined ? leadInDatabase : (flight) => cached.before(run, () => leadInDatabase(flight));
    for (;;) {
      const flight = this.#flights.get(run.id);
      if (flight === undefined) {
        const finished = await this.#flights.lead(run.id, lead, recordOf);
        if (finished.end === "replayed") {
          return finished.settled ?? replay(run, finished.record);
        }
        await runCallbacks(finished.afterCommit);
        return finished.settled;
      }
      const record = await waitFor(flight, run, this.#waiters);
      if (record !== "released") {
        return replay(run, record);
      }
    }
  }
}

type Lead<T> = (flight: Flight<FinishedRecord>) => Promise<Finished<T>>;

function recordOf({ record }: Finished<unknown>): FinishedRecord {
  return record;
}

async function waitFor(
  flight: Flight<FinishedRecord>,
  run: PreparedRun,
  waiters: Waiters,
): Promise<FinishedRecord | "released"> {
  const { onDuplicate } = run.options;
  const refuseAnotherInput = () => throwIfReused(run, flight.fingerprint ?? run.fingerprint);
  refuseAnotherInput();
  const remaining = run.deadline - performance.now();
  if (onDuplicate === "reject" || remaining <= 0) {
    throw inProgress(run);
  }
  const record = await waiters.during(run, flight.waiterCount, () =>
    waiting(run, "duplicate", performance.now(), () => flight.wait(remaining, refuseAnotherInput)),
  );
  if (record === "timeout") {
    throw inProgress(run);
  }
  return record;
}
