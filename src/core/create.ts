import { misuse } from "./browser/option-checks.ts";
import type { Idempotency, RunResult, SettledRun } from "./contract/idempotency.ts";
import type { Codec } from "./contract/options/codec.ts";
import type { EncryptionOptions } from "./contract/options/encryption.ts";
import { checkOptionNames } from "./contract/options/option-names.ts";
import {
  defaultsOver,
  type ResolvedRunOptions,
  RUN_OPTIONS,
  type RunOptions,
  resolveOptions,
} from "./contract/options/options.ts";
import { checkReplayCache, type ReplayCache } from "./contract/options/replay-cache.ts";
import { inLeaseMode, inTransactionMode } from "./contract/other-mode.ts";
import type { Store } from "./contract/store.ts";
import { CachedReplays } from "./duplicates/cached-replays.ts";
import { Duplicates } from "./duplicates/duplicates.ts";
import { Cipher } from "./encryption/cipher.ts";
import { encryptedStore } from "./encryption/encrypted-store.ts";
import { reencrypt } from "./encryption/reencrypt.ts";
import { observed } from "./events/call-events.ts";
import { publish } from "./events/channels.ts";
import { abandonedRuns } from "./lease/abandoned-runs.ts";
import { LeasedRunner } from "./lease/leased-run.ts";
import { prepareLeasedRun } from "./lease/prepare-leased-run.ts";
import { runLeasedUnkeyed } from "./lease/unkeyed-leased-run.ts";
import { prepareRun } from "./request/prepare.ts";
import { Outage } from "./retry/outage.ts";
import { TransactionRunner } from "./run/transaction-run.ts";
import { runUnkeyed } from "./run/unkeyed-run.ts";
import { check } from "./upkeep/check.ts";
import { forget, inspect } from "./upkeep/inspect.ts";
import { list } from "./upkeep/list.ts";
import { prune } from "./upkeep/prune.ts";
import { startPruning } from "./upkeep/start-pruning.ts";
import { countByOperation, stats } from "./upkeep/stats.ts";

/**
 * Joins the parts: runs over any {@link Store}.
 *
 * @throws TypeError for an option that cannot be used.
 */
export function idempotencyOver<TTransaction>(
  plainStore: Store<TTransaction>,
  options: RunOptions = {},
  { replayCache, encryption }: StoredWith = {},
): Idempotency<TTransaction> {
  checkReplayCache(replayCache);
  const cipher = encryption === undefined ? undefined : new Cipher(encryption);
  const store = cipher === undefined ? plainStore : encryptedStore(plainStore, cipher);
  const cached = replayCache && new CachedReplays(replayCache, cipher);
  const duplicates = new Duplicates(cached);
  const outage = new Outage();
  const runner = new TransactionRunner(store, duplicates, outage);
  const leasedRunner = new LeasedRunner(store, duplicates, outage);
  const base = resolveOptions(options, defaultsOver(store));
  return withOptions(
    {
      store,
      runner,
      leasedRunner,
      inputCodec: base.codec,
      forgetCached: async (id) => cached?.forget(id),
      reencrypt: (how) => reencrypt(plainStore, cipher, how),
    },
    base,
  );
}

/** What stands between the runs and where their outcomes are kept. */
interface StoredWith {
  readonly replayCache?: ReplayCache | undefined;
  readonly encryption?: EncryptionOptions | undefined;
}

interface Parts<TTransaction> {
  readonly store: Store<TTransaction>;
  readonly runner: TransactionRunner<TTransaction>;
  readonly leasedRunner: LeasedRunner<TTransaction>;
  /** Writes stored inputs, whatever the options of their runs: a completer reads them, and knows no more than the record. */
  readonly inputCodec: Codec;
  /** Deletes what a cache of replays has. */
  readonly forgetCached: (id: string) => Promise<void>;
  readonly reencrypt: Idempotency<TTransaction>["reencrypt"];
}

function withOptions<TTransaction>(
  parts: Parts<TTransaction>,
  base: ResolvedRunOptions,
): Idempotency<TTransaction> {
  const { store, runner, leasedRunner, inputCodec, forgetCached } = parts;
  const idempotency: Idempotency<TTransaction> = {
    options: base,
    with: (options) => withOptions(parts, completed(options, base)),
    // Plain functions: an async one that waits takes half a kilobyte, for each run under way.
    run: (request, handler) => idempotency.runSettled(request, handler).then(resultOf),
    runSettled: (request, handler) =>
      observed("transaction", request, (events) =>
        prepareRun(request, base, events).then((run) => runner.run(run, inTransaction(handler))),
      ),
    runUnkeyed: async (handler, overrides = {}) => {
      publish("unkeyed", () => ({ mode: "transaction" }));
      return runUnkeyed(store, completed(overrides, base), inTransaction(handler));
    },
    runLeased: async (request, handler) => resultOf(await idempotency.runLeasedSettled(request, handler)),
    runLeasedSettled: (request, handler) =>
      observed("lease", request, async (events) =>
        leasedRunner.run(await prepareLeasedRun(request, base, inputCodec, events), leased(handler)),
      ),
    runLeasedUnkeyed: async (handler, overrides = {}) => {
      publish("unkeyed", () => ({ mode: "lease" }));
      return runLeasedUnkeyed(store, completed(overrides, base), leased(handler));
    },
    check: () => check(store, base),
    abandoned: abandonedRuns(store, base, inputCodec, () => idempotency),
    inspect: (record) => inspect(store, record, base, inputCodec),
    forget: (record) => forget(store, record, forgetCached),
    list: (listOptions) => list(store, listOptions),
    stats: () => stats(store),
    countByOperation: (countOptions) => countByOperation(store, countOptions),
    reencrypt: (reencryptOptions) => parts.reencrypt(reencryptOptions),
    prune: (pruneOptions) => prune(store, pruneOptions),
    startPruning: (pruningOptions) => startPruning(store, pruningOptions),
  };
  // Test runners call a method `inspect` of what they print, which this one is not for, unless there is this.
  Object.defineProperty(idempotency, SHOWN, { value: () => "Idempotency {}" });
  return idempotency;
}

const SHOWN = Symbol.for("nodejs.util.inspect.custom");

/** @throws TypeError for a handler that is none. */
function inTransaction<TContext extends object, T>(handler: (context: TContext) => T): typeof handler {
  checkHandler(handler, "async ({ tx }) => { ... }");
  return (context) => handler(inTransactionMode(context));
}

/** @throws TypeError for a handler that is none. */
function leased<TContext extends object, T>(handler: (context: TContext) => T): typeof handler {
  checkHandler(handler, "async ({ step, transaction }) => { ... }");
  return (context) => handler(inLeaseMode(context));
}

function checkHandler(handler: unknown, example: string): void {
  if (typeof handler !== "function") {
    throw misuse("(the handler)", handler, `a function such as ${example}`);
  }
}

function completed(options: RunOptions, base: ResolvedRunOptions): ResolvedRunOptions {
  checkOptionNames(options, RUN_OPTIONS);
  return resolveOptions(options, base);
}

function resultOf<T>(settled: SettledRun<T>): RunResult<T> {
  if (settled.status === "failed") {
    throw settled.error;
  }
  return { value: settled.value, replayed: settled.replayed };
}
