// The global ones give numbers in Workers of before 2026-02-10, and those have no `unref`.
import { clearTimeout, setTimeout } from "node:timers";
import { halfJitter } from "../browser/jitter.ts";
import { checkNumber } from "../browser/option-checks.ts";
import { warn } from "../contract/callbacks.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import type { Store } from "../contract/store.ts";
import type { Pruning, StartPruningOptions } from "../contract/upkeep/pruning.ts";
import { checkBatches, prune, sweep } from "./prune.ts";

const OPTIONS: OptionNames<Required<StartPruningOptions>> = {
  everyMs: true,
  batchSize: true,
  dutyCycle: true,
  budgetMs: true,
};

/** A look for steps whose record is gone reads all steps. Only records that were deleted by hand leave any. */
const SWEEP_EVERY_MS = 24 * 60 * 60 * 1_000;

/** Prunes at intervals until it is stopped. Rounds of many processes spread by their jitter, and share the work if they meet. */
export function startPruning(store: Store<unknown>, options: StartPruningOptions = {}): Pruning {
  checkOptionNames(options, OPTIONS);
  const { everyMs = 300_000, budgetMs = 10_000, ...how } = options;
  checkNumber("everyMs", everyMs, 1);
  checkNumber("budgetMs", budgetMs, 1);
  checkBatches(how);
  const stopped = new AbortController();
  let sweptAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> = Promise.resolve();

  const round = async () => {
    const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(budgetMs)]);
    const limits = { ...how, signal };
    try {
      await prune(store, limits);
      if (performance.now() - sweptAt >= SWEEP_EVERY_MS) {
        await sweep(store, limits);
        sweptAt = signal.aborted ? sweptAt : performance.now();
      }
    } catch (error) {
      warn("OnceonlyPruningWarning", "Expired records were not pruned, which is tried again", error);
    }
    next(everyMs);
  };
  const next = (afterMs: number) => {
    if (!stopped.signal.aborted) {
      timer = setTimeout(() => {
        underWay = round();
      }, halfJitter(afterMs));
      // Nobody has to wait for it.
      timer.unref();
    }
  };
  next(everyMs);
  return {
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await underWay;
    },
  };
}
