import {
  checkFunction,
  checkFunctions,
  checkNumber,
  checkOneOf,
  misuse,
} from "../../browser/option-checks.ts";
import { type ErrorClass, type ErrorSerializer, errorSerializer } from "../errors/error-serializer.ts";
import { type Codec, devalueCodec } from "./codec.ts";
import { SEALED } from "./encryption.ts";
import type { OptionNames } from "./option-names.ts";
import { checkTransaction, type TransactionOptions } from "./transaction-options.ts";

/** Options that can be set once for all runs, and again for one middleware, plugin or run. */
export interface RunOptions {
  /**
   * How long a record is replayed at least, in milliseconds from the end of its run. Default 86,400,000 (24 hours). In mode
   * `transaction` it is replayed longer, by what the run left of `transaction.timeoutMs` and two seconds.
   */
  readonly retentionMs?: number;
  /**
   * What a duplicate of a run under way does: wait for its result, or fail at once with `IN_PROGRESS`.
   * Default `"wait"`.
   */
  readonly onDuplicate?: "wait" | "reject";
  /** How long a duplicate waits before `IN_PROGRESS`, in milliseconds. Default 10,000. */
  readonly waitMs?: number;
  /** How many duplicates of one key wait in this process; further ones get `IN_PROGRESS`. Default 100. */
  readonly waitersMax?: number;
  /** The same for all keys of one scope together: no user can fill the memory of others with duplicates. Default 1,000. */
  readonly scopeWaitersMax?: number;
  /** The same for all keys of the process together, of one `createIdempotency`. Default 10,000. */
  readonly allWaitersMax?: number;
  readonly transaction?: TransactionOptions;
  /**
   * How long a run waits for a database that is away, in milliseconds: before its handler, for a connection that takes its
   * claim, and after a COMMIT whose answer was lost, for the outcome. Then it fails with `STORE_UNAVAILABLE`. Default 60,000, which
   * outlives a failover: Patroni's takes up to 45 seconds as it comes. A database that has not answered yet since the process
   * began is not waited for. At most `retentionMs`; the default waits for an outcome no longer than that. 0: the first failure is
   * reported.
   */
  readonly outageMs?: number;
  /**
   * Mode `lease`: how long a claim is valid without a sign of life from its executor, in milliseconds; it is renewed
   * every third of that time. After a crash, a retry waits that long. Default 60,000, or `transaction.timeoutMs` if that is
   * longer; at least 100, and at least `transaction.timeoutMs`.
   */
  readonly leaseMs?: number;
  /**
   * Mode `lease`: whether the input is stored with the claim, so that a completer can finish the run after a crash,
   * without a retry. Default `false`.
   */
  readonly storeInput?: boolean;
  /**
   * How often a whole run, handler included, is repeated after a write conflict in the handler or at COMMIT; in mode
   * `lease`, how often one `transaction` is. Default 0, because a handler may have effects outside the database. Default 10 on a
   * database where a duplicate may learn at COMMIT only that it is one, as on the nodes of a Galera cluster: a repetition then finds
   * the record and replays it.
   */
  readonly retryConflicts?: number;
  /** The longest encoded result, in bytes of UTF-8. Default 1,048,576. */
  readonly resultBytesMax?: number;
  /**
   * Which of the handler's errors are its answer: they are stored, and every duplicate gets the same. All others release
   * the key. Default: none (`onceonly/trpc` and `onceonly/yoga` bring their own).
   */
  readonly storeError?: (error: unknown) => boolean;
  /** How stored errors are written and restored. Default: name, message and properties. */
  readonly errors?: ErrorSerializer;
  /**
   * Classes that a replayed error, its cause and what is inside of it get back, found by the name of the class: `instanceof`
   * is true, and the methods are there. No constructor is called, so private members are missing. Default: none. Errors of
   * zod 4, and of JavaScript's own classes, need none; `ZodError` of zod 3 does.
   */
  readonly errorClasses?: readonly ErrorClass[];
  /** How results are written and restored. Default {@link devalueCodec}. */
  readonly codec?: Codec;
  /**
   * Called with each result, error and input that is about to be stored; returns what is stored in its place, without what must not be.
   * The first caller gets the whole answer, duplicates get what is stored: a token that is shown once. A completer gets the input that is
   * stored. Results of steps are stored as they are, as later attempts go on with them. Default: all is stored.
   *
   * @remarks Over HTTP a result is an object of `status`, `headers` and `body`, over Yoga a GraphQL result.
   */
  readonly redact?: (value: unknown, kind: "result" | "error" | "input") => unknown;
  /**
   * Whether events carry the key and the scope of their call in clear. Default `false`: they carry the record's id alone, a hash of
   * both.
   */
  readonly eventKeys?: boolean;
}

/** {@link RunOptions}, checked and complete. */
export interface ResolvedRunOptions extends Required<Omit<RunOptions, "storeError" | "retryConflicts">> {
  /** `undefined` where that depends on the database. */
  readonly retryConflicts: number | undefined;
  /** `undefined` where no error is ever stored: such a run needs no savepoint. */
  readonly storeError: ((error: unknown) => boolean) | undefined;
}

/** Option `redact` where all is stored. */
export const storeAll = (value: unknown): unknown => value;

const DEFAULTS: ResolvedRunOptions = {
  retentionMs: 24 * 60 * 60 * 1_000,
  onDuplicate: "wait",
  waitMs: 10_000,
  waitersMax: 100,
  scopeWaitersMax: 1_000,
  allWaitersMax: 10_000,
  transaction: {},
  outageMs: 60_000,
  leaseMs: 60_000,
  storeInput: false,
  retryConflicts: undefined,
  resultBytesMax: 1_048_576,
  storeError: undefined,
  errors: errorSerializer,
  errorClasses: [],
  codec: devalueCodec,
  redact: storeAll,
  eventKeys: false,
};

/** The defaults, where the store's transactions may take `timeoutMs`. */
export function defaultsOver({ timeoutMs }: { readonly timeoutMs: number }): ResolvedRunOptions {
  return { ...DEFAULTS, transaction: { timeoutMs } };
}

const OPTION_NAMES = Object.keys(DEFAULTS) as (keyof RunOptions)[];

/** The names of {@link RunOptions}. */
export const RUN_OPTIONS: OptionNames<Required<RunOptions>> = Object.fromEntries(
  OPTION_NAMES.map((name) => [name, true] as const),
) as OptionNames<Required<RunOptions>>;

/**
 * Completes `options` from `base`, or from the defaults.
 *
 * @throws TypeError that names the option, what it got and the remedy.
 */
export function resolveOptions(options: RunOptions, base: ResolvedRunOptions = DEFAULTS): ResolvedRunOptions {
  const given: Record<string, unknown> = {};
  let isAnyGiven = false;
  for (const name of OPTION_NAMES) {
    if (options[name] !== undefined) {
      given[name] = options[name];
      isAnyGiven = true;
    }
  }
  if (!isAnyGiven) {
    return base;
  }
  checkOptions(options);
  const transaction = { ...base.transaction, ...options.transaction };
  const resolved = { ...base, ...given, transaction };
  if (options.leaseMs !== undefined) {
    checkLease(resolved);
  }
  if (options.outageMs !== undefined || resolved.outageMs !== DEFAULTS.outageMs) {
    checkOutage(resolved);
  }
  return resolved;
}

/**
 * How long the lease of a run with these options is. Options that nobody gave never contradict others: the default lease is as
 * long as the transactions that it has to cover.
 *
 * @throws TypeError for a lease that the `transaction` of a leased run could outlive.
 */
export function leaseMsOf(options: ResolvedRunOptions): number {
  const { leaseMs, transaction } = options;
  if (leaseMs === DEFAULTS.leaseMs) {
    return Math.max(leaseMs, transaction.timeoutMs ?? 0);
  }
  checkLease(options);
  return leaseMs;
}

/**
 * A `transaction` of a leased run renews the lease as it begins, and nobody can renew it again before COMMIT. If the lease is
 * over by then, whoever waits takes over from a run that is alive.
 */
function checkLease({ leaseMs, transaction: { timeoutMs = 0 } }: ResolvedRunOptions): void {
  if (leaseMs < timeoutMs) {
    throw new TypeError(
      `onceonly: option leaseMs is ${leaseMs} and option transaction.timeoutMs is ${timeoutMs} (if not given, that of the ` +
        "client): a transaction of a leased run could outlive its lease; " +
        `give a leaseMs of at least ${timeoutMs}, or a transaction.timeoutMs of at most ${leaseMs}.`,
    );
  }
}

/**
 * Where a COMMIT had no answer, its outcome is asked for until `outageMs` is over. A record that is no longer replayed by then would
 * look as if there had never been one.
 */
function checkOutage({ outageMs, retentionMs }: ResolvedRunOptions): void {
  if (retentionMs < outageMs) {
    throw new TypeError(
      `onceonly: option outageMs is ${outageMs} and option retentionMs is ${retentionMs}: a run whose COMMIT had no answer could ` +
        "ask for the outcome of a record that is over, and its retry would execute again; " +
        `give a retentionMs of at least ${outageMs}, or an outageMs of at most ${retentionMs}.`,
    );
  }
}

/** How long the outcome of a COMMIT is asked for. As with leases, the default never contradicts what was given. */
export function outcomeMsOf({ outageMs, retentionMs }: ResolvedRunOptions): number {
  return Math.min(outageMs, retentionMs);
}

function checkOptions(options: RunOptions): void {
  // The database's clock counts it, not a timer; 100 years are enough.
  checkNumber("retentionMs", options.retentionMs, 1, 100 * 365 * 24 * 60 * 60 * 1_000);
  checkNumber("waitMs", options.waitMs, 0);
  checkNumber("waitersMax", options.waitersMax, 0);
  checkNumber("scopeWaitersMax", options.scopeWaitersMax, 0);
  checkNumber("allWaitersMax", options.allWaitersMax, 0);
  checkNumber("outageMs", options.outageMs, 0);
  // Below that, a third of it is too short for a heartbeat to reach a busy database.
  checkNumber("leaseMs", options.leaseMs, 100);
  checkBoolean("storeInput", options.storeInput);
  checkBoolean("eventKeys", options.eventKeys);
  checkNumber("retryConflicts", options.retryConflicts, 0);
  checkNumber("resultBytesMax", options.resultBytesMax, 1);
  checkOneOf("onDuplicate", options.onDuplicate, ["wait", "reject"]);
  if (options.storeError !== undefined && typeof options.storeError !== "function") {
    throw misuse("storeError", options.storeError, "a function (error) => boolean");
  }
  checkFunction("redact", options.redact, "(value, kind) => value");
  checkFunctions("codec", options.codec, ["encode", "decode"]);
  checkCodecName(options.codec);
  checkFunctions("errors", options.errors, ["serialize", "deserialize"]);
  checkErrorClasses(options.errorClasses);
  checkTransaction(options.transaction);
}

function checkBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") {
    throw misuse(option, value, "true or false");
  }
}

function checkErrorClasses(classes: unknown): void {
  const isList = classes === undefined || (Array.isArray(classes) && classes.every(isClass));
  if (!isList) {
    throw misuse("errorClasses", classes, "a list of classes, for example [ZodError]");
  }
}

function isClass(given: unknown): boolean {
  return typeof given === "function" && typeof given.prototype === "object";
}

/** Each stored result begins with the name and a colon. */
function checkCodecName(codec: { readonly name: unknown } | undefined): void {
  if (codec !== undefined && (typeof codec.name !== "string" || !/^[^:]+$/.test(codec.name))) {
    throw misuse("codec.name", codec.name, "a name of at least one character and no colon");
  }
  if (codec?.name === SEALED) {
    throw misuse("codec.name", codec.name, "another name: this one stands before texts that are encrypted");
  }
}
