import type { RecordFacts, RecordState } from "./inspection.ts";

/** Which records to list. Each option that is given narrows the list. */
export interface ListOptions {
  /** The one with this id, as events and traces give it. */
  readonly id?: string;
  readonly operation?: string;
  /** One scope, or several, at most 1,000. */
  readonly scope?: string | number | bigint | readonly string[];
  readonly key?: string;
  /** `"abandoned"`: those in progress whose lease has lapsed, or was given back. */
  readonly state?: RecordState | "abandoned";
  /** Those claimed then or later. */
  readonly claimedFrom?: Date;
  /** Those claimed before. */
  readonly claimedBefore?: Date;
  /** How many records a page has at most, from 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. Default: the list is read from its beginning. */
  readonly after?: string;
}

/** A page of records. */
export interface RecordPage {
  readonly records: readonly ListedRecord[];
  /**
   * Where the list goes on; `undefined` at its end. It may go on after a page that is not full, or is empty: one page looks through
   * records for about two seconds.
   */
  readonly next: string | undefined;
}

/** A record without what is stored in it. */
export interface ListedRecord extends RecordFacts {}

/** The state of the tables. */
export interface TableStats {
  /** Leased runs that have not ended. This and the next two are counted up to 100,000. */
  readonly inProgress: number;
  /** Those of them whose lease has lapsed, or was given back. */
  readonly abandoned: number;
  /** Records that have expired, and are not pruned yet. */
  readonly expired: number;
  /** When the first of the expired records has expired. */
  readonly oldestExpiredAt: Date | undefined;
  /** Both tables with their indexes, as the database last counted them. SQLite does not tell. */
  readonly bytes: number | undefined;
  /** The database's clock. */
  readonly now: Date;
}

/** Of when records are counted. */
export interface CountOptions {
  /** Those claimed then or later. Default: those of the last 24 hours. */
  readonly since?: Date;
}

/** How many records of an operation are in which state. */
export interface OperationCounts {
  readonly operation: string;
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: number;
}
