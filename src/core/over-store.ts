import type { Idempotency } from "./idempotency.ts";
import { type RunOptions, resolveOptions } from "./options.ts";
import { prune } from "./prune.ts";
import { prepareRun } from "./request.ts";
import { TransactionRunner } from "./run.ts";
import { runUnkeyed } from "./run-unkeyed.ts";
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
  const runner = new TransactionRunner(store);
  const idempotency: Idempotency<TTransaction> = {
    options: base,
    async run(request, handler) {
      const settled = await idempotency.runSettled(request, handler);
      if (settled.status === "failed") {
        throw settled.error;
      }
      return { value: settled.value, replayed: settled.replayed };
    },
    runSettled: async (request, handler) => runner.run(await prepareRun(request, base), handler),
    runUnkeyed: async (handler, overrides = {}) =>
      runUnkeyed(store, resolveOptions(overrides, base), handler),
    prune: (pruneOptions) => prune(store, pruneOptions),
  };
  return idempotency;
}
