import type { ResolvedRunOptions, RunOptions } from "./options/options.ts";
import type { Upkeep } from "./upkeep/upkeep.ts";

/** Runs handlers exactly once per key. Made by `createIdempotency`. */
export interface Idempotency<TTransaction> extends Upkeep {
  /** The options given to `createIdempotency`, checked and complete. */
  readonly options: ResolvedRunOptions;
  /**
   * The same, with options of its own: checked and completed once, instead of at every run that is given them. It shares
   * everything else, so that its duplicates and those of the original wait for each other.
   *
   * @throws TypeError for an option that cannot be used.
   */
  with(options: RunOptions): Idempotency<TTransaction>;
  /**
   * Commits one execution of `handler` per (scope, operation, key) and gives every duplicate its stored result, until
   * `retentionMs` after the end of the run.
   *
   * The claim of the key, what `handler` writes through `tx`, and the result commit in one transaction: a crash at
   * any point leaves either all of them or none.
   *
   * @remarks **Warning**: effects outside the database (e-mail, HTTP calls) and writes that do not go through `tx`
   * are not covered.
   * @throws {@link IdempotencyError} before the handler ran: `KEY_INVALID`, `KEY_REUSED`, `IN_PROGRESS`,
   * `SCOPE_MISSING`, `INPUT_INVALID`, `STORE_MISCONFIGURED`; after it: `RESULT_UNSTORABLE`, `CLAIM_LOST`; on a replay
   * `RESULT_UNREADABLE`. `STORE_UNAVAILABLE` at any time: nothing is committed, and a handler that ran was undone; or nobody
   * knows yet whether its COMMIT was made, and a retry finds out.
   * @throws the handler's own error; if it is stored, every duplicate throws it too.
   */
  run<T>(request: RunRequest, handler: Handler<TTransaction, T>): Promise<RunResult<T>>;
  /** Like {@link run}, but a handler's error that is its stored answer is returned instead of thrown. */
  runSettled<T>(request: RunRequest, handler: Handler<TTransaction, T>): Promise<SettledRun<T>>;
  /**
   * Runs `handler` in a transaction and keeps no record: for a call whose key is optional and was not sent. A retry
   * executes again.
   *
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   * @throws the handler's own error.
   */
  runUnkeyed<T>(
    handler: (context: UnkeyedContext<TTransaction>) => Promise<T>,
    options?: RunOptions,
  ): Promise<T>;
  /**
   * Runs `handler` to its end once per (scope, operation, key), in steps that are recorded one by one: for handlers
   * that call the outside world, or take longer than a transaction may.
   *
   * The claim is a lease, renewed while the process lives. After a crash, a retry takes over once the lease has
   * lapsed, and executes `handler` anew; recorded steps return their results without running.
   *
   * @remarks **Warning**: code outside of `step` and `transaction` runs on every attempt.
   * @throws {@link IdempotencyError} before the handler ran: `KEY_INVALID`, `KEY_REUSED`, `IN_PROGRESS`,
   * `SCOPE_MISSING`, `INPUT_INVALID`, `STORE_MISCONFIGURED`; after it: `LEASE_LOST`, `RESULT_UNSTORABLE`; on a replay
   * `RESULT_UNREADABLE`; `ATTEMPTS_EXHAUSTED` when a completer has given up. `STORE_UNAVAILABLE` at any time: what steps had
   * recorded stays.
   * @throws the handler's own error; if it is stored, every duplicate throws it too.
   */
  runLeased<T>(request: LeaseRequest, handler: LeaseHandler<TTransaction, T>): Promise<RunResult<T>>;
  /** Like {@link runLeased}, but a handler's error that is its stored answer is returned instead of thrown. */
  runLeasedSettled<T>(request: LeaseRequest, handler: LeaseHandler<TTransaction, T>): Promise<SettledRun<T>>;
  /** Runs `handler` with steps that are not recorded: for a call whose key is optional and was not sent. */
  runLeasedUnkeyed<T>(handler: LeaseHandler<TTransaction, T, undefined>, options?: RunOptions): Promise<T>;
  /** What completers are built on; see `createCompleter`. */
  readonly abandoned: AbandonedRuns;
}

/** What is executed, for whom, under which key. */
export interface RunRequest extends RunOptions {
  /** What is executed, for example `"orders.place"`: 1 to 255 characters. */
  readonly operation: string;
  /** What the client sent: 1 to 255 printable ASCII characters. */
  readonly key: string;
  /** Who may share the key, for example the user's id. Two scopes never see each other's results. Never a token. */
  readonly scope: string | number | bigint;
  /** What a retry must repeat: the same key with another input is `KEY_REUSED`. Default: not compared. */
  readonly input?: unknown;
  /**
   * Whether this looks like a repetition, for example a redelivered message: a finished record is then looked for before a
   * transaction is opened, which saves a replay the transaction and costs any other run one statement. Only a hint: it
   * changes no answer, whoever gives it. Default `false`. A leased run has no use for it.
   */
  readonly isRetry?: boolean;
}

/** What a run executes. */
export type Handler<TTransaction, T> = (context: RunContext<TTransaction>) => Promise<T>;

/** What a handler gets. */
export interface RunContext<TTransaction, TKey = string> {
  /** The transaction client: only what is written through it is covered. */
  readonly tx: TTransaction;
  /**
   * The given client in this transaction: a client that the application has extended for one request, for example by the
   * filter of a tenant. Its extensions apply as they do outside.
   *
   * @throws TypeError for a client that is not derived, by `$extends`, from the one given to `createIdempotency`, and for one in
   * a wrapper whose members would be lost.
   */
  readonly join: <TClient>(client: TClient) => TClient;
  readonly key: TKey;
  /** Number of this execution, from 1. An execution that was rolled back left no trace and is not counted. */
  readonly attempt: number;
  /**
   * A key for a downstream service: the same on every attempt, different for every name, free of secrets. Without a key
   * of the client's it is useful only within this execution.
   */
  readonly deriveKey: (name: string) => string;
  /**
   * Registers work to do after the commit, for example clearing a cache. It runs at most once: a crash after the
   * commit loses it, and a replay does not repeat it. A failure is reported as a process warning.
   */
  readonly afterCommit: (callback: () => unknown) => void;
}

/** What a handler gets when the client sent no key, and no record is kept. */
export interface UnkeyedContext<TTransaction> extends RunContext<TTransaction, undefined> {}

/** What a leased run executes, for whom, under which key. */
export interface LeaseRequest extends RunRequest {
  /** The input that a completer gets, if it is not `input`: for example, the input before it was parsed. */
  readonly storedInput?: unknown;
}

/** What a leased run executes. A later attempt executes it anew, but not its recorded steps. */
export type LeaseHandler<TTransaction, T, TKey = string> = (
  context: LeaseContext<TTransaction, TKey>,
) => Promise<T>;

/** What the handler of a leased run gets. */
export interface LeaseContext<TTransaction, TKey = string> {
  readonly key: TKey;
  /** Number of this execution, from 1. */
  readonly attempt: number;
  /** Aborted when another executor has, or may have, taken over, or a completer stops. Pass it to whatever takes long. */
  readonly signal: AbortSignal;
  /** A key for a downstream service: the same on every attempt, different for every name, free of secrets. */
  readonly deriveKey: (name: string) => string;
  /**
   * Runs `execute` outside of any transaction and records its result, which later attempts get without running it.
   *
   * After a crash between the two, nobody knows whether it ran, so it runs again with the same `key`. Pass that key to
   * the service it calls, as the idempotency key, and the effect happens once; or give `reconcile`.
   *
   * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`: nothing is recorded; `LEASE_LOST`
   * @throws TypeError when the name was used before in this run, or the step begins inside a `transaction`.
   */
  readonly step: <T>(
    name: string,
    execute: (step: StepContext) => Promise<T> | T,
    options?: StepOptions<T>,
  ) => Promise<T>;
  /**
   * Runs `execute` in a transaction that also records its result: its writes are made once, whatever crashes.
   *
   * @throws as {@link LeaseContext.step}
   */
  readonly transaction: <T>(
    name: string,
    execute: (step: TransactionStepContext<TTransaction>) => Promise<T> | T,
  ) => Promise<T>;
}

/** What a step gets. */
export interface StepContext {
  /** A key for the service that the step calls: the same on every attempt, different for every step. */
  readonly key: string;
  /** Number of the handler's execution, from 1. */
  readonly attempt: number;
  /** Aborted when another executor has, or may have, taken over, or a completer stops. */
  readonly signal: AbortSignal;
}

/** What a step in a transaction gets. */
export interface TransactionStepContext<TTransaction> extends StepContext {
  /** The transaction client: only what is written through it is covered. */
  readonly tx: TTransaction;
  /** As {@link RunContext.join}. */
  readonly join: <TClient>(client: TClient) => TClient;
}

/** How a step is taken. */
export interface StepOptions<T> {
  /**
   * Finds out what became of the step, for a service without idempotency keys. A later attempt calls it before running
   * the step: what it returns is recorded as the result; if it returns `undefined`, the step runs.
   */
  readonly reconcile?: (step: StepContext) => Promise<T | undefined> | T | undefined;
}

/** A leased run whose executor is gone, claimed by a completer. */
export interface AbandonedRun {
  readonly operation: string;
  readonly key: string;
  readonly scope: string;
  /** Number of the execution that the claim is for. */
  readonly attempt: number;
  /** Reads the stored input. @throws what the codec throws, and an Error if another codec has stored it. */
  readonly readInput: () => unknown;
}

/** How an abandoned run is resumed. */
export interface ResumeOptions {
  /** Aborts the run's own `signal`. */
  readonly signal?: AbortSignal;
  /** How long completers leave the record alone if the run fails, in milliseconds. */
  readonly retryDelayMs: number;
}

/** Claims abandoned runs one by one, and has them executed. */
export interface AbandonedRuns {
  /**
   * Claims one run whose lease has lapsed and whose input is stored, if there is one. Many may claim at the same time.
   *
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`, `STORE_MISCONFIGURED`
   */
  claim(operations: readonly string[]): Promise<AbandonedRun | undefined>;
  /**
   * Calls `work`, inside which a leased run of the same operation, key and scope executes under that claim.
   *
   * @throws what `work` threw, if no outcome was stored.
   */
  resume(run: AbandonedRun, work: () => Promise<unknown>, options: ResumeOptions): Promise<void>;
  /** Stores `ATTEMPTS_EXHAUSTED` as the outcome, as a run with these options would. Returns whether it did. */
  giveUp(run: AbandonedRun, options: RunOptions): Promise<boolean>;
}

/** The answer of a run. */
export interface RunResult<T> {
  readonly value: T;
  /** Whether `value` is the stored result of an earlier execution. */
  readonly replayed: boolean;
}

/** How a run ended, in the manner of `Promise.allSettled`. */
export type SettledRun<T> =
  | { readonly status: "completed"; readonly value: T; readonly replayed: boolean }
  | { readonly status: "failed"; readonly error: unknown; readonly replayed: boolean };
