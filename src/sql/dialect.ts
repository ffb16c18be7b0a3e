import type {
  AbandonedParams,
  ClaimParams,
  CompleteParams,
  GiveBackParams,
  PruneParams,
  RenewParams,
  StepParams,
  StoreFault,
} from "../core/contract/store.ts";
import type { Names } from "./names.ts";
import type { ReadParams, ReadRow, Statement, Write } from "./statement.ts";

/**
 * Everything that differs between databases: the statements, and what their errors mean. To add a database, write one
 * of these.
 *
 * All times come from the database's clock. A statement may read the clock before it waits for a lock, at most
 * `lockWaitMs`, but never before an earlier statement has ended.
 *
 * `complete`, `renew`, `giveBack` and `recordStep` affect one row if `owner` still holds the claim, even if no value
 * changes, and none otherwise.
 */
export interface Dialect {
  /**
   * Inserts the row. Affects one row if it was inserted and none if it existed already, even if written as an upsert.
   *
   * The first statement of its transaction, and the only one of ours before the handler of a fresh key: if it limits its
   * wait for a lock, it has lifted that limit by the time it reports an inserted row.
   */
  insert(names: Names, params: ClaimParams): Write;
  /**
   * Inserts the row; or takes over an expired one, or one with the same fingerprint that is in progress and whose lease has
   * lapsed, was given back or never was; or returns the row as it is. Returns at most one {@link RecordRow}, with `mine` true only if this statement
   * wrote `owner`. It must not wait for the lock of a row whose lease is live: such rows are polled.
   */
  claim(names: Names, params: ClaimParams): Statement;
  /** Reads the row: at most one {@link ReadRow}, `mine` false. Sees what a claim in the same transaction has waited for. */
  read(names: Names, params: ReadParams): Write;
  /** Reads those of the records that are finished and not expired: {@link FinishedRow}s. Runs outside any transaction. */
  replayable(names: Names, ids: readonly string[]): Statement;
  /** Stores the outcome if `owner` still holds the row, and ends its lease. */
  complete(names: Names, params: CompleteParams): Write;
  /** Renews the lease if `owner` still holds it, and keeps the row locked until COMMIT. */
  renew(names: Names, params: RenewParams): Write;
  /** Clears `owner`, so that a claim may take over at once, and makes the lease lapse after `delayMs`, for completers. */
  giveBack(names: Names, params: GiveBackParams): Write;
  /**
   * Writes a step if `owner` still holds the lease, replacing an earlier one of that name. No takeover may come between
   * its look at `owner` and its COMMIT.
   */
  recordStep(names: Names, params: StepParams): Write;
  /** Reads the steps of the current record, not those of an expired one with the same id: {@link StepRow}s. */
  steps(names: Names, id: string): Statement;
  /** Claims one record whose lease has lapsed, and skips those being claimed: at most one {@link AbandonedRow}. */
  claimAbandoned(names: Names, params: AbandonedParams): Statement;
  /** Deletes expired records that nobody holds, and their steps. The last statement affects one row for each record. */
  prune(names: Names, params: PruneParams): readonly Write[];
  /** Reads the columns of a table, named as in SQL: rows of `table-check.ts`. None if there is no such table. */
  columnsOf(table: string): Statement;
  /** Reads the indexes of a table that hold for all of its rows, the primary key among them. */
  indexesOf(table: string): Statement;
  /** Reads what may keep our writes from the rows of a table: rows of `table-check.ts`. */
  hurdlesOf(table: string): Statement;
  /** Reads one row: whether the server refuses writes (`readOnly`), and its clock in milliseconds (`nowMs`). */
  server(): Statement;
  /** What an error of the database or its driver means, by its code, and by its message if the code is ambiguous. */
  faultOfCode(code: string, message: string): StoreFault | undefined;
  /** For drivers that take several statements as one message; `undefined` where the database or its drivers take none. */
  readonly message?: MessageStatements;
  /** Whether a write outside a transaction is committed once it is answered. If not, each of ours gets a transaction. */
  readonly commitsByItself: boolean;
  /** Prisma's name for the isolation level that every transaction has at least, whatever the server's default. */
  readonly weakestIsolation: string;
  /** How long BEGIN may wait, in milliseconds, unless the application says; `undefined` for Prisma's default. */
  readonly maxWaitMs: number | undefined;
}

/** What takes the place of other statements where several travel as one message, in which each sees what those before it did. */
export interface MessageStatements {
  /** A row of `read`, from the database's texts. */
  rowOf(row: Readonly<Record<string, string | null>>): ReadRow;
  /** As `complete`, but fails if it stores nothing, so that what follows in its message is not executed. */
  completeOrFail(names: Names, params: CompleteParams): Write;
  /** Whether a message is that of the error with which `completeOrFail` says that it has stored nothing. */
  isNotStored(message: string): boolean;
}
