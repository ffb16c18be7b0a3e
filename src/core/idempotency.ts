import type { ResolvedRunOptions, RunOptions } from "./options.ts";

/** Runs handlers exactly once per key. Made by `createIdempotency`. */
export interface Idempotency<TTransaction> {
  /** What `createIdempotency` was given, checked and complete. */
  readonly options: ResolvedRunOptions;
  /**
   * Runs `handler` at most once per (scope, operation, key) and gives every duplicate the stored result.
   *
   * The claim of the key, what `handler` writes through `tx`, and the result commit in one transaction: a crash at
   * any point leaves either all of them or none.
   *
   * @remarks **Warning**: effects outside the database (e-mail, HTTP calls) and writes that do not go through `tx`
   * are not covered.
   * @throws {@link IdempotencyError} before the handler ran: `KEY_INVALID`, `KEY_REUSED`, `IN_PROGRESS`,
   * `SCOPE_MISSING`, `STORE_UNAVAILABLE`; after it: `RESULT_UNSTORABLE`, `LEASE_LOST`; on a replay
   * `RESULT_UNREADABLE`.
   * @throws the handler's own error; a stored one on every duplicate too.
   */
  run<T>(request: RunRequest, handler: Handler<TTransaction, T>): Promise<RunResult<T>>;
  /** Like {@link run}, but a handler's error that is its stored answer is returned instead of thrown. */
  runSettled<T>(request: RunRequest, handler: Handler<TTransaction, T>): Promise<SettledRun<T>>;
  /**
   * Runs `handler` in a transaction and keeps no record: for a call whose key is optional and was not sent. A retry
   * executes again.
   */
  runUnkeyed<T>(
    handler: (context: UnkeyedContext<TTransaction>) => Promise<T>,
    options?: RunOptions,
  ): Promise<T>;
  /**
   * Deletes records whose retention has run out, in batches that lock no row in use.
   *
   * @returns how many were deleted.
   * @throws {@link IdempotencyError} `STORE_UNAVAILABLE`
   */
  prune(options?: PruneOptions): Promise<number>;
}

/** What is executed, for whom, under which key. */
export interface RunRequest extends RunOptions {
  /** What is executed, for example `"orders.place"`: 1 to 255 characters. */
  readonly operation: string;
  /** What the client sent: 1 to 255 printable ASCII characters. */
  readonly key: string;
  /** Who may share the key, for example the user's id. Two scopes never see each other's results. */
  readonly scope: string | number | bigint;
  /** What a retry must repeat: the same key with another input is `KEY_REUSED`. Default: not compared. */
  readonly input?: unknown;
}

/** What a run executes. */
export type Handler<TTransaction, T> = (context: RunContext<TTransaction>) => Promise<T>;

/** What a handler gets when no record is kept. */
export interface UnkeyedContext<TTransaction> {
  /** The transaction client: only what is written through it is covered. */
  readonly tx: TTransaction;
  /**
   * Registers work for after the commit, for example a cache to clear. It runs at most once: a crash after the
   * commit loses it, and a replay does not repeat it. A failure is reported as a process warning.
   */
  readonly afterCommit: (callback: () => unknown) => void;
}

/** What a handler gets. */
export interface RunContext<TTransaction> extends UnkeyedContext<TTransaction> {
  readonly key: string;
  /** Number of this execution, from 1. One that was rolled back left no trace, and is not counted. */
  readonly attempt: number;
  /** A key for a downstream service: the same on every attempt, another for every name, free of secrets. */
  readonly deriveKey: (name: string) => string;
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

/** How records are deleted. */
export interface PruneOptions {
  /** Records per statement. Default 1,000. */
  readonly batchSize?: number;
  /** Stops after the batch under way. */
  readonly signal?: AbortSignal;
}
