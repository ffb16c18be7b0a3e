import type { Finding } from "./upkeep/finding.ts";
import type { UpkeepStore } from "./upkeep/upkeep-store.ts";

/**
 * The port between the runs and a database. A store knows SQL and locks; it decides nothing about a run.
 *
 * `TTransaction` is the transaction client that a handler gets.
 */
export interface Store<TTransaction> {
  /**
   * Runs `body` in one transaction, opened with a claim and ended with an outcome, where there is one: committed when `body`
   * resolves, rolled back when it rejects. How many messages that takes, the store decides.
   *
   * Rejects with a {@link NotStoredError} if the outcome was not stored; then nothing is committed. If `body` resolved and
   * this rejects otherwise, the end may be unknown (the connection broke during COMMIT).
   *
   * Inside a handler of this store it is part of the handler's transaction, and can be rolled back alone.
   */
  transaction<T>(
    opening: Opening,
    body: (session: StoreSession<TTransaction>) => Promise<Ending<T>>,
  ): Promise<T>;
  /** How long a transaction may stay open where no option says otherwise, in milliseconds. */
  readonly timeoutMs: number;
  /**
   * Whether transactions that change the same rows may run side by side, until COMMIT tells all but one of them. `false` as long as the
   * database has not been asked, which is before the first transaction begins.
   */
  readonly conflictsAtCommit: boolean;
  /** The handler that the caller runs in, while it has a transaction of this store. */
  runningHandler(): RunningHandler | undefined;
  /**
   * The record of `id`, if it is finished and a claim would replay it now. Read outside any transaction of the caller:
   * what is not committed is not seen. It answers or rejects soon, whatever the database does.
   */
  replayable(id: string): Promise<FinishedRecord | undefined>;
  /** What leased runs do outside of transactions: each call is a statement that commits by itself. */
  readonly leases: LeaseStore;
  /** What kind of failure an error of this store is; `undefined` for every error that is not the store's own. */
  faultOf(error: unknown): StoreFault | undefined;
  /** Looks at the set-up, and leaves nothing behind. */
  check(limits: CheckedLimits): Promise<readonly Finding[]>;
  /** What is done about records outside of their runs. */
  readonly upkeep: UpkeepStore;
}

/** How a transaction begins. */
export interface Opening {
  readonly limits: TransactionLimits;
  /** What is claimed before anything else is done. */
  readonly claim?: ClaimParams;
  /** Whether {@link StoreSession.undo} may be called. */
  readonly isUndoable?: boolean;
}

/** How a transaction ends. */
export interface Ending<T> {
  readonly value: T;
  /** What is stored in the record that was claimed, last of all. */
  readonly outcome?: CompleteParams;
}

/** Writes that change something only while `owner` holds the claim. Each returns whether it did. */
export interface OwnerWrites {
  /** Renews the lease from now on. In a transaction, it also lets nobody take over before COMMIT. */
  renew(params: RenewParams): Promise<boolean>;
  /** Records the result of a step, or records it again. Rejects if the handler has ended its transaction. */
  recordStep(params: StepParams): Promise<boolean>;
  /** Whether `owner` holds the claim, for a write that has changed nothing: then the database keeps it from the row. */
  holds(params: Owned): Promise<boolean>;
}

/** A handler that has a transaction. */
export interface RunningHandler {
  readonly operation: string;
  /** Called after COMMIT, in order. A transaction nested in another one adds its callbacks to that one's if it succeeds. */
  readonly afterCommit: (() => unknown)[];
}

/** How a handler reaches its transaction. */
export interface HandlerClients<TTransaction> {
  readonly tx: TTransaction;
  /** See {@link RunContext.join}. */
  readonly join: <TClient>(client: TClient) => TClient;
}

/** See {@link StoreSession.faultUnder}. `error` is the cause to report. */
export interface FaultUnder {
  readonly fault: StoreFault;
  readonly error: unknown;
}

/** What a run does inside its transaction. */
export interface StoreSession<TTransaction> extends OwnerWrites {
  /**
   * What the claim of the {@link Opening} has found. It makes the row of `id`, or takes over one that is expired, whose lease
   * has lapsed or whose handler has committed it in progress, or reads a finished one.
   * It blocks while another transaction holds the row uncommitted, up to `lockWaitMs`; then this rejects with the fault
   * `lock_timeout`.
   *
   * Nothing comes before the claim in its transaction, and the limit on waiting for locks does not outlive it. The record
   * is kept for `retentionMs` after the longest time that the transaction may take.
   */
  claim(): Promise<Claim>;
  /**
   * Calls `work` with the clients of the transaction. Until `work` ends, the application's ambient client joins the transaction
   * too. After that, further statements are refused and those under way are awaited: what the handler did not await must
   * not run after its result is stored.
   */
  runHandler<T>(
    handler: RunningHandler,
    work: (clients: HandlerClients<TTransaction>) => Promise<T>,
  ): Promise<T>;
  /**
   * What is wrong with the database, and not with the handler that has failed with `error`: the connection is lost, or the set-up lets
   * no statement through. `undefined` if nothing is. The database is asked only if `error`, or that of a statement of the transaction,
   * is of a lost connection; one that only looks like it may be of another server.
   */
  faultUnder(error: unknown): Promise<FaultUnder | undefined>;
  /**
   * Why nothing of the transaction can be committed though no statement has failed, if that is so: then what its handler has read last
   * is not what it wrote. Only the rollback may follow.
   */
  whyVanished(): Promise<unknown>;
  /** Undoes the handler's writes and keeps the claim. */
  undo(): Promise<void>;
}

/** What a leased run does, each in one statement that commits by itself. */
export interface LeaseStore extends OwnerWrites {
  /** As in a transaction, but everybody sees the claim at once. */
  claim(params: ClaimParams): Promise<Claim>;
  /** Stores the outcome, and ends the lease. */
  complete(params: CompleteParams): Promise<boolean>;
  /** The outcome stored in the record of `id`, even if it has expired. */
  outcomeOf(id: string): Promise<FinishedRecord | undefined>;
  /** The recorded steps of the record of `id`. */
  steps(id: string): Promise<readonly RecordedStep[]>;
  /** Leaves the claim, with what was recorded, to the next retry at once, and to completers after `delayMs`. */
  giveBack(params: GiveBackParams): Promise<boolean>;
  /** Claims a record whose lease has lapsed and whose input is stored, passing over those that others are claiming. */
  claimAbandoned(params: AbandonedParams): Promise<AbandonedRecord | undefined>;
}

export interface TransactionLimits {
  /** How long to wait for a connection, in milliseconds. */
  readonly maxWaitMs: number | undefined;
  /** How long the transaction may stay open, in milliseconds, not counting the time that its claim may block. */
  readonly timeoutMs: number | undefined;
  /** How long the claim may block, in milliseconds: granted on top of `timeoutMs`. */
  readonly lockWaitMs: number;
  readonly isolationLevel: string | undefined;
}

export interface ClaimParams {
  readonly id: string;
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  /** Random token of this executor; every later write is conditional on it. */
  readonly owner: string;
  /** How long to wait for another transaction that holds the row; rounded up to the database's unit. */
  readonly lockWaitMs: number;
  /** How long the record is kept after the end of the run, in milliseconds. */
  readonly retentionMs: number;
  /** How long the claim is valid after it was committed, in milliseconds; `null` if the transaction is the lock. */
  readonly leaseMs: number | null;
  /** The encoded input, for completers. */
  readonly input: string | null;
}

/** Identifies a claim. */
interface Owned {
  readonly id: string;
  readonly owner: string;
}

export interface RenewParams extends Owned {
  readonly leaseMs: number;
  /** How long the record is kept after the end of the lease, in milliseconds. */
  readonly retentionMs: number;
}

export interface StepParams extends Owned {
  readonly name: string;
  readonly response: string;
}

export interface GiveBackParams extends Owned {
  readonly delayMs: number;
  /** How long the record is kept after `delayMs`, in milliseconds. */
  readonly retentionMs: number;
  /** Whether the claim does not count as an attempt. */
  readonly isUntried?: boolean;
}

export interface CompleteParams extends Owned {
  readonly status: "completed" | "failed";
  readonly response: string;
  /** How long the record is kept from now on, in milliseconds; `null` where the claim has said that already. */
  readonly retentionMs: number | null;
}

/** What the set-up must allow. */
export interface CheckedLimits {
  /** The longest result that a run stores by default, in bytes. */
  readonly resultBytesMax: number;
}

export interface AbandonedParams {
  /** Only records of these operations. */
  readonly operations: readonly string[];
  readonly owner: string;
  readonly leaseMs: number;
  /** The record is kept at least this long after the end of the lease, in milliseconds. */
  readonly retentionMs: number;
}

/** A record whose executor is gone, claimed anew. */
export interface AbandonedRecord {
  readonly id: string;
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly attempt: number;
  readonly input: string;
}

export interface RecordedStep {
  readonly name: string;
  readonly response: string;
}

/** What a claim found. */
export type Claim =
  | {
      readonly state: "claimed";
      readonly attempt: number;
      /** The record was left behind by a handler that had committed its transaction itself. Claims of leases do not tell. */
      readonly committedByHandler?: true;
    }
  | { readonly state: "finished"; readonly record: FinishedRecord }
  /** A leased run holds the record, or a run with another input has left it behind. */
  | { readonly state: "held"; readonly fingerprint: string };

/** The outcome of a run was not stored, so nothing of it is committed. */
export class NotStoredError extends Error {
  /**
   * `"lost"`: somebody has changed or deleted the record. `"suppressed"`: the database keeps the write from the row. `"failed"`:
   * the statement failed, with `cause`.
   */
  readonly reason: "lost" | "suppressed" | "failed";

  constructor(reason: NotStoredError["reason"], cause?: unknown) {
    super(`The outcome was not stored (${reason})`, { cause });
    this.reason = reason;
  }
}

/** A record that is replayed instead of executed. */
export interface FinishedRecord {
  readonly status: "completed" | "failed";
  readonly fingerprint: string;
  readonly owner: string;
  readonly response: string;
}

/** How a store can fail. */
export type StoreFault =
  /** Serialisation failure, deadlock, busy database: the same statements may succeed when repeated. */
  | "write_conflict"
  /** Another transaction held the row for longer than the claim was willing to wait. */
  | "lock_timeout"
  /** An earlier statement failed, and the database refuses all others until the rollback. */
  | "transaction_aborted"
  /** The time of the transaction is over; the database has rolled it back, or will. */
  | "transaction_expired"
  /** The handler has ended its transaction, or caused its loss. The error is for its author, and says so. */
  | "handler_mistake"
  /** Something is set up wrongly, such as a missing table: no retry helps. The error's message may say what to do. */
  | "misconfigured"
  /** The transaction, or the server, takes no writes. Before the first write that passes: the server changes its role. */
  | "read_only"
  /** Known to pass: no connection, no free connection in time, the connection was lost. */
  | "unavailable";
