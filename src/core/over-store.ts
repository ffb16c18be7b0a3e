import { abandonedRuns } from "./abandoned.ts";
import { Duplicates } from "./duplicates.ts";
import type { Idempotency, RunResult, SettledRun } from "./idempotency.ts";
import { type RunOptions, resolveOptions } from "./options.ts";
import { prune } from "./prune.ts";
import { prepareLeasedRun, prepareRun } from "./request.ts";
import { TransactionRunner } from "./run.ts";
import { LeaseRunner } from "./run-leased.ts";
import { runLeasedUnkeyed, runUnkeyed } from "./run-unkeyed.ts";
import type { Store } from "./store.ts";

/**
 * Joins the parts: runs over any {@link Store}.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function idempotencyOver<TTransaction>(
  store: Store<TTransaction>,
  options: RunOptions = {},
): Idempotency<TTransaction> {
  const base = resolveOptions(options);
  const duplicates = new Duplicates();
  const runner = new TransactionRunner(store, duplicates);
  const leaseRunner = new LeaseRunner(store, duplicates);
  const idempotency: Idempotency<TTransaction> = {
    options: base,
    // Plain functions: an async one that waits takes half a kilobyte, for each run under way.
    run: (request, handler) => idempotency.runSettled(request, handler).then(resultOf),
    runSettled: (request, handler) => prepareRun(request, base).then((run) => runner.run(run, handler)),
    runUnkeyed: async (handler, overrides = {}) =>
      runUnkeyed(store, resolveOptions(overrides, base), handler),
    runLeased: async (request, handler) => resultOf(await idempotency.runLeasedSettled(request, handler)),
    runLeasedSettled: async (request, handler) =>
      leaseRunner.run(await prepareLeasedRun(request, base), handler),
    runLeasedUnkeyed: async (handler, overrides = {}) =>
      runLeasedUnkeyed(store, resolveOptions(overrides, base), handler),
    abandoned: abandonedRuns(store, base),
    prune: (pruneOptions) => prune(store, pruneOptions),
  };
  return idempotency;
}

function resultOf<T>(settled: SettledRun<T>): RunResult<T> {
  if (settled.status === "failed") {
    throw settled.error;
  }
  return { value: settled.value, replayed: settled.replayed };
}
