import type { Names, QuoteMark } from "./names.ts";

/** One parameterised SQL statement. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Whether it changes rows besides returning some, where that makes a difference to who sends it. */
  readonly writes?: true;
}

/**
 * A statement that may bypass Prisma on its way to the driver, as one that returns no rows does inside a transaction. So its
 * values are only of types that need no translation.
 */
export interface Write extends Statement {
  readonly values: readonly (string | number | null)[];
  /**
   * Comes before it in one transaction, and must affect a row, where the lock that it takes does not keep others from changing the row
   * that it depends on, but a change of that row does: between the nodes of a cluster.
   */
  readonly fence?: Write;
}

/** A write that makes a row; or a statement that does, and returns the row that it has made or found. */
export interface Insertion extends Write {
  readonly returnsRow?: true;
}

/** Writes that delete a batch; or the reading of a batch that stays locked, and the writes that delete it, in one transaction. */
export type Pruning =
  | { readonly writes: readonly Write[] }
  | {
      /** Rows with an `id`. */
      readonly batch: Statement;
      readonly writesFor: (ids: readonly string[]) => readonly Write[];
    };

/** Reads the record `id` on behalf of a run with this fingerprint. */
export interface ReadParams {
  readonly id: string;
  readonly fingerprint: string;
}

/** The row that a claim returns. */
export interface RecordRow {
  /** Whether this claim holds the row. SQLite has no booleans, so it may be a number. */
  readonly mine: boolean | number | bigint;
  readonly attempt: number | bigint;
  readonly status: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly response: string | null;
  /** Whether it belongs to a leased run that has not ended. */
  readonly leased: boolean | number | bigint;
}

/** The row that a read returns. */
export interface ReadRow extends RecordRow {
  /** Whether a claim would take it over. */
  readonly free: boolean | number | bigint;
}

/** The row of a finished record. */
export interface FinishedRow {
  readonly id: string;
  readonly status: "completed" | "failed";
  readonly fingerprint: string;
  readonly owner: string;
  readonly response: string;
}

/** The row of an abandoned run that a completer claimed. */
export interface AbandonedRow {
  readonly id: string;
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly attempt: number | bigint;
  readonly input: string;
}

/** A recorded step. */
export interface StepRow {
  readonly name: string;
  readonly response: string;
}

/** A number of the database. Drivers give large ones as texts or as BigInts. */
export type Numeric = number | bigint | string;

/** The row of a record that is looked at, without its values. Times are in milliseconds since 1970. */
export interface RecordFactsRow {
  readonly operation: string;
  readonly scope: string;
  readonly key: string;
  readonly status: "in_progress" | "completed" | "failed";
  /** Empty for a lease that was given back. */
  readonly owner: string;
  readonly attempt: Numeric;
  readonly claimedAtMs: Numeric;
  readonly finishedAtMs: Numeric | null;
  readonly expiresAtMs: Numeric;
  readonly leasedUntilMs: Numeric | null;
  readonly nowMs: Numeric;
}

/** The row of a record that is looked at. */
export interface InspectedRow extends RecordFactsRow {
  readonly response: string | null;
  readonly input: string | null;
}

/** The row of a record in a list, with its place. */
export interface ListedRow extends RecordFactsRow, PlaceRow {}

/** A place in the order of expiry. */
export interface PlaceRow {
  readonly id: string;
  /** The time as a text that orders as times do. */
  readonly expiresAt: string;
}

/** The row about the state of the tables. */
export interface StatsRow {
  readonly inProgress: Numeric;
  readonly abandoned: Numeric;
  readonly expired: Numeric;
  readonly firstExpiresAtMs: Numeric | null;
  readonly bytes: Numeric | null;
  readonly nowMs: Numeric;
}

/** How many records of an operation are in a state. */
export interface StateCountRow {
  readonly operation: string;
  readonly status: "in_progress" | "completed" | "failed";
  readonly records: Numeric;
}

/** A step of such a record. */
export interface InspectedStepRow extends StepRow {
  readonly recordedAtMs: Numeric;
}

/** What a statement about a record and one about its steps do. */
export interface RecordAndSteps<TStatement> {
  readonly record: TStatement;
  readonly steps: TStatement;
}

/** The list for a SELECT or RETURNING: columns under the names of their fields, in quotes where those may be reserved words. */
export function selected(
  { record: { columns } }: Names,
  fields: readonly (keyof Names["record"]["columns"])[],
  mark: QuoteMark | "" = "",
): string {
  return fields.map((field) => `${columns[field]} AS ${mark}${field}${mark}`).join(", ");
}

/** The fields of a {@link RecordRow} that are columns. */
export const RECORD_ROW = ["attempt", "status", "fingerprint", "owner", "response"] as const;
/** The fields of a {@link FinishedRow}. */
export const FINISHED_ROW = ["id", "status", "fingerprint", "owner", "response"] as const;
/** The fields of a {@link RecordFactsRow} that are columns as they are. */
export const RECORD_FACTS_ROW = ["operation", "scope", "key", "status", "owner", "attempt"] as const;
/** The fields of an {@link AbandonedRow}. */
export const ABANDONED_ROW = ["id", "scope", "operation", "key", "fingerprint", "attempt", "input"] as const;
