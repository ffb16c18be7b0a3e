import type {
  AbandonedParams,
  ClaimParams,
  CompleteParams,
  FinishedParams,
  GiveBackParams,
  PruneParams,
  RenewParams,
  StepParams,
  StoreFault,
} from "../core/store.ts";
import type { Names } from "./model.ts";
import type { ReadParams, Statement, Write } from "./statement.ts";

/**
 * All that differs between databases: statements, and what their errors mean. To add one, write one of these.
 *
 * Every time is the database's own. It may be from before the statement's own wait for a lock, which is bounded by
 * `lockWaitMs`, and never from before an earlier statement.
 *
 * `complete`, `renew`, `giveBack` and `recordStep` affect a row where `owner` still holds the claim, also if nothing in the row
 * changes, and none elsewhere.
 */
export interface Dialect {
  /**
   * Makes the row if there is none, and affects one row then; where it is there, none, also as an upsert. The first
   * statement of a transaction: fresh keys need no other, and the bound it may set to its wait for a lock is gone where it
   * made the row.
   */
  insert(names: Names, params: ClaimParams): Write;
  /**
   * Makes the row with its outcome, `completed`, if there is none, and affects one row then. Affects none where it is
   * there, or fails with a `write_conflict`; the transaction is then rolled back. The last statement before COMMIT, which
   * may lock too: the bound that it may set is gone where it made the row.
   *
   * Absent where no handler may run before the claim: because the claim takes a lock that it needs, or because a transaction
   * that an error has ended would take this statement.
   */
  readonly insertFinished?: (names: Names, params: FinishedParams) => Write;
  /**
   * Makes the row; takes over an expired one, or one whose lease has lapsed or was given back, if the fingerprint is
   * the same; or gives the row as it is. At most one {@link RecordRow}. It does not wait for one that holds the lock of a
   * row whose lease is live: such rows are polled.
   */
  claim(names: Names, params: ClaimParams): Statement;
  /** Reads the row: at most one {@link ReadRow}, `mine` false. Sees what a claim of the same transaction has waited for. */
  read(names: Names, params: ReadParams): Statement;
  /**
   * Reads those of the records that are finished and not expired: {@link FinishedRow}s. Outside of any transaction, hence
   * what is committed.
   */
  replayable(names: Names, ids: readonly string[]): Statement;
  /** Stores the outcome where `owner` still holds the row, and ends its lease. */
  complete(names: Names, params: CompleteParams): Write;
  /** Renews the lease where `owner` still holds it, and keeps the row locked to COMMIT. */
  renew(names: Names, params: RenewParams): Write;
  /** Empties `owner`, for the next claim, and has the lease lapse after `delayMs`, for completers. */
  giveBack(names: Names, params: GiveBackParams): Write;
  /**
   * Writes a step where `owner` still holds the lease, in the place of an earlier one of that name. No takeover may come
   * between its look at `owner` and its COMMIT.
   */
  recordStep(names: Names, params: StepParams): Write;
  /** Reads the steps of the record as it is now, not those of an expired one of the same id: {@link StepRow}s. */
  steps(names: Names, id: string): Statement;
  /** Claims one record whose lease has lapsed, never one that another is claiming: at most one {@link AbandonedRow}. */
  claimAbandoned(names: Names, params: AbandonedParams): Statement;
  /** Deletes expired records that nobody holds, with their steps. The last one affects as many rows as records went. */
  prune(names: Names, params: PruneParams): readonly Write[];
  /** What an error of the database, or of its driver, means: by its code, and its message where one code has many. */
  faultOfCode(code: string, message: string): StoreFault | undefined;
  /** Whether a write outside of transactions is committed once it is answered. Else each of ours gets its own. */
  readonly commitsByItself: boolean;
  /** Prisma's name for the isolation that every transaction has at least, whatever the server's default is. */
  readonly weakestIsolation: string;
  /** How long BEGIN may wait, in milliseconds, where the application does not say; `undefined` for Prisma's default. */
  readonly maxWaitMs: number | undefined;
}
