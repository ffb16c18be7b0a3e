import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { halfJitter } from "../browser/jitter.ts";
import { checkNumber, misuse } from "../browser/option-checks.ts";
import { reasonOf, told } from "../contract/callbacks.ts";
import type { AbandonedRun, Idempotency, LeaseContext } from "../contract/idempotency.ts";
import { checkOptionNames, type OptionNames } from "../contract/options/option-names.ts";
import { RUN_OPTIONS, type RunOptions, resolveOptions } from "../contract/options/options.ts";
import {
  COMPLETER_WARNING,
  type CompleterOptions,
  checkCompleterOptions,
  DEFAULT_COMPLETER_OPTIONS,
} from "./completer-options.ts";

/** Finishes abandoned runs. Any number of completers may work at a time, in any number of processes. */
export interface Completer {
  /** Starts looking for abandoned runs, and keeps the process alive. */
  start(): void;
  /**
   * Stops claiming, and waits for the runs under way, at most `timeoutMs` (milliseconds; default 10,000). Then aborts the
   * `signal` of those that are left; what they have recorded is kept.
   *
   * @returns whether all came to an end.
   */
  stop(options?: { readonly timeoutMs?: number }): Promise<boolean>;
  /**
   * Executes the runs that are abandoned now, and ends when there are no more: for a cron job or a test.
   *
   * @returns how many runs it claimed.
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  runOnce(): Promise<number>;
}

/** How abandoned runs of one operation are executed. */
export interface ResumableOperation {
  /** Begins a leased run of the same operation, key and scope. */
  readonly resume: (run: AbandonedRun) => Promise<unknown>;
  /** The options of such a run, with which its failure is stored. */
  readonly options: RunOptions;
}

/** The operations by name. Requested before each claim, because routers may load lazily. */
export type ResumableOperations = () => Promise<ReadonlyMap<string, ResumableOperation>>;

/** Executes an abandoned run: the same function that is passed to `runLeased`, with the stored input. */
export type CompletingHandler<TTransaction> = (
  context: LeaseContext<TTransaction>,
  input: never,
  run: AbandonedRun,
) => Promise<unknown>;

/** Options of {@link createCompleter}. */
export interface HandlersCompleterOptions<TTransaction> extends CompleterOptions {
  /** Made by `createIdempotency` with `storeInput: true`. */
  readonly idempotency: Idempotency<TTransaction>;
  /**
   * What to execute, by operation: a handler, or a handler together with the options that its runs get elsewhere, such
   * as `storeError`. Runs of other operations are left alone.
   */
  readonly handlers: Readonly<
    Record<
      string,
      CompletingHandler<TTransaction> | (RunOptions & { readonly handler: CompletingHandler<TTransaction> })
    >
  >;
}

/**
 * Makes a completer of leased runs. It finds those whose executor is gone, through a crash or an error that is not an
 * answer, and executes them to the end without a retry from the client.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function createCompleter<TTransaction>(options: HandlersCompleterOptions<TTransaction>): Completer {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the first argument)", options, "an object such as { idempotency, handlers }");
  }
  const { idempotency, handlers, ...rest } = options;
  if (!isRecord(handlers) || Object.keys(handlers).length === 0) {
    throw misuse("handlers", handlers, 'an object such as { "orders.place": placeOrder }');
  }
  checkCompleterOptions(options, { handlers: "required" });
  const operations = new Map(
    Object.entries(handlers).map(([operation, given]) => [
      operation,
      resumable(idempotency, operation, given),
    ]),
  );
  return completerOver(idempotency, async () => operations, rest);
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resumable<TTransaction>(
  idempotency: Idempotency<TTransaction>,
  operation: string,
  given: HandlersCompleterOptions<TTransaction>["handlers"][string],
): ResumableOperation {
  const { handler, ...options } = typeof given === "function" ? { handler: given } : given;
  if (typeof handler !== "function") {
    throw misuse(`handlers["${operation}"]`, handler, "a function such as (context, input) => ...");
  }
  if ("resumable" in handler) {
    throw new TypeError(
      `onceonly: option handlers["${operation}"] is what withIdempotency returned, which takes a request; give it to httpCompleter.`,
    );
  }
  checkOptionNames(options, RUN_OPTIONS);
  resolveOptions(options, idempotency.options);
  return {
    options,
    async resume(run) {
      const input = run.readInput();
      const { key, scope } = run;
      await idempotency.runLeasedSettled({ ...options, operation, key, scope, input }, (context) =>
        handler(context, input as never, run),
      );
    },
  };
}

/** What a callback of the application makes for a run that is resumed. @throws Error that names the callback, which is not in the stack. */
export async function madeBy<T>(option: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (cause) {
    throw new Error(`onceonly: option ${option} failed: ${reasonOf(cause)}`, { cause });
  }
}

/** A completer of operations that an adapter knows how to execute. The caller has checked the options. */
export function completerOver(
  idempotency: Pick<Idempotency<never>, "abandoned">,
  operations: ResumableOperations,
  options: CompleterOptions,
): Completer {
  const settings = { ...DEFAULT_COMPLETER_OPTIONS, ...options };
  const claiming = new AbortController();
  const executing = new AbortController();
  // Each worker listens to one of them, and there may be many workers; Node warns from the eleventh listener on.
  setMaxListeners(0, claiming.signal, executing.signal);
  const completeOne = () => completeNext(idempotency, operations, settings, executing.signal);
  // Where one fails, the others still have their runs to end.
  const byWorkers = async (work: () => Promise<void>) => {
    const ends = await Promise.allSettled(Array.from({ length: settings.concurrency }, work));
    for (const end of ends) {
      if (end.status === "rejected") {
        throw end.reason;
      }
    }
  };
  let isStarted = false;
  let working: Promise<unknown> = Promise.resolve();

  return {
    start() {
      if (isStarted || claiming.signal.aborted) {
        throw new Error("onceonly: the completer was started before, or is stopped; make a new one.");
      }
      isStarted = true;
      working = byWorkers(async () => {
        while (!claiming.signal.aborted) {
          if (!(await completeOne().catch(reported(settings)))) {
            await pause(halfJitter(settings.pollMs), claiming.signal);
          }
        }
      });
    },
    async runOnce() {
      let claimed = 0;
      const work = byWorkers(async () => {
        while (!claiming.signal.aborted && (await completeOne())) {
          claimed += 1;
        }
      });
      working = Promise.allSettled([working, work]);
      await work;
      return claimed;
    },
    async stop(options = {}) {
      const { timeoutMs = 10_000 } = checkStopOptions(options);
      claiming.abort();
      const ended = new AbortController();
      const late = pause(timeoutMs, ended.signal).then(() => "late");
      const isLate = (await Promise.race([working, late])) === "late";
      ended.abort();
      executing.abort(new Error("onceonly: the completer was stopped."));
      return !isLate;
    },
  };
}

type StopOptions = NonNullable<Parameters<Completer["stop"]>[0]>;

/** @throws TypeError: what was meant would silently not apply, and a process end too early or too late. */
function checkStopOptions(options: StopOptions): StopOptions {
  if (typeof options !== "object" || options === null) {
    throw misuse("(the argument of stop)", options, "an object such as { timeoutMs: 5000 }");
  }
  checkOptionNames(options, { timeoutMs: true } satisfies OptionNames<Required<StopOptions>>);
  checkNumber("timeoutMs", options.timeoutMs, 0);
  return options;
}

type Settings = Required<CompleterOptions>;

/** Claims one abandoned run and executes it. Returns whether there was one. */
async function completeNext(
  { abandoned }: Pick<Idempotency<never>, "abandoned">,
  operations: ResumableOperations,
  { attemptsMax, backoffMs, onGiveUp, onError }: Settings,
  signal: AbortSignal,
): Promise<boolean> {
  const known = await operations();
  const run = await abandoned.claim([...known.keys()]);
  const operation = run && known.get(run.operation);
  if (run === undefined || operation === undefined) {
    return false;
  }
  const retryDelayMs = Math.min(backoffMs * 2 ** (run.attempt - 1), BACKOFF_MS_MAX);
  try {
    if (run.attempt <= attemptsMax) {
      await abandoned.resume(run, () => operation.resume(run), { signal, retryDelayMs });
    } else if (await abandoned.giveUp(run, operation.options)) {
      await told(COMPLETER_WARNING, FAILURE, () => onGiveUp(run));
    }
  } catch (error) {
    await told(COMPLETER_WARNING, FAILURE, () => onError(error, run));
  }
  return true;
}

const BACKOFF_MS_MAX = 5 * 60_000;

/** An unreachable database is asked again after the next pause. */
function reported({ onError }: Settings): (error: unknown) => Promise<false> {
  return async (error) => {
    await told(COMPLETER_WARNING, FAILURE, () => onError(error, undefined));
    return false;
  };
}

const FAILURE = "A callback of a completer failed";

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Rejects when aborted, which is one way for a pause to end.
  await sleep(ms, undefined, { signal }).catch(() => {});
}
