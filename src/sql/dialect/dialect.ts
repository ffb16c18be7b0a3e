import type {
  AbandonedParams,
  CheckedLimits,
  ClaimParams,
  CompleteParams,
  GiveBackParams,
  RenewParams,
  StepParams,
  StoreFault,
} from "../../core/contract/store.ts";
import type { Finding } from "../../core/contract/upkeep/finding.ts";
import type { Capabilities } from "./capabilities.ts";
import type { Names, QuoteMark } from "./names.ts";
import type { Remedies } from "./remedies.ts";
import type { Insertion, ReadParams, Statement, Write } from "./statement.ts";
import type { TableDescription } from "./table-check.ts";
import type { UpkeepStatements } from "./upkeep-statements.ts";

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
   * Inserts the row. Affects one row if it was inserted and none if it existed already, even if written as an upsert; or
   * returns a {@link ReadRow} in either case, as it says, with `mine` true only if it was inserted.
   *
   * The first statement of its transaction, and the only one of ours before the handler of a fresh key: if it limits its
   * wait for a lock, it has lifted that limit by the time it reports an inserted row.
   */
  insert(names: Names, params: ClaimParams): Insertion;
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
  /** What is sent outside of runs. */
  readonly upkeep: UpkeepStatements;
  /** Reads the columns of a table, named as in SQL: rows of `table-check.ts`. None if there is no such table. */
  columnsOf(table: string): Statement;
  /** Reads the indexes of a table that hold for all of its rows, the primary key among them. */
  indexesOf(table: string): Statement;
  /** Reads what may keep our writes from the rows of a table: rows of `table-check.ts`. */
  hurdlesOf(table: string): Statement;
  /**
   * Reads one row: whether the server refuses writes (`readOnly`), its clock in milliseconds (`nowMs`), where it has users, how GRANT
   * names that of the connection (`grantee`), and what `findings` asks.
   */
  server(): Statement;
  /** What an error of the database or its driver means, by its code, and by its message if the code is ambiguous. */
  faultOfCode(code: string, message: string): StoreFault | undefined;
  /** What to change, for a code, or a message, that only a wrong set-up leads to, whoever sends the statement. */
  adviceOnCode?(code: string, message: string): string | undefined;
  /** The codes with which the database refuses a statement to a user without the privilege. */
  readonly denials: readonly string[];
  /** The types of the columns that `columnsOf` reads, as the tables of the package have them, and others that serve as well. */
  readonly columnTypes: Readonly<Record<ColumnKind, { readonly should: string; readonly fits: RegExp }>>;
  /** What makes of tables what the statements need. */
  readonly remedies: Remedies;
  readonly capabilities: Capabilities;
  /** What stands around names. */
  readonly quoteMark: QuoteMark;
  /**
   * Whether a claim waits for whoever has locked its row, and not only for a transaction that may make it. Leases are then
   * read before they are claimed.
   */
  readonly claimLocks: boolean;
  /** The server's own name for itself, where one name of Prisma's stands for servers of several makes. */
  readonly make?: ServerMake;
  /** What else the tables and the server need that only this database has. */
  findings?(names: Names, found: Examined): readonly Finding[];
}

/** What a column holds. */
export type ColumnKind = "text" | "number" | "time";

/** Tells a server that the statements are for from others of the same protocol. */
export interface ServerMake {
  /** Reads what the server says of itself, as rows of a name and a value: `Variable_name`, `Value`. */
  readonly statement: Statement;
  readonly describe: (said: ReadonlyMap<string, string>) => ServerTraits;
}

interface ServerTraits {
  /** Why such a server cannot be used; `undefined` if it can. */
  readonly reasonAgainst: string | undefined;
  /** Where the capabilities say `"ask"`. */
  readonly conflictsAtCommit: boolean;
}

/** What `check` has found. */
export interface Examined extends CheckedLimits {
  readonly record: TableDescription;
  readonly step: TableDescription;
  /** The row of {@link Dialect.server}. */
  readonly server: Readonly<Record<string, unknown>> | undefined;
}
