import type { Names } from "./model.ts";

/** One parameterised SQL statement. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * A statement that gives no rows. Inside a transaction it may go to the driver past Prisma, which translates values of
 * other types.
 */
export interface Write extends Statement {
  readonly values: readonly (string | number | null)[];
}

/** What a record is read for: to replay it to a run with this fingerprint, or to see whether it could claim it. */
export interface ReadParams {
  readonly id: string;
  readonly fingerprint: string;
}

/** The row a claim gives. */
export interface RecordRow {
  /** Whether this claim holds the row. SQLite has no booleans. */
  readonly mine: boolean | number | bigint;
  readonly attempt: number | bigint;
  readonly status: string;
  readonly fingerprint: string;
  readonly owner: string;
  readonly response: string | null;
  /** Whether it is that of a leased run which has not ended. */
  readonly leased: boolean | number | bigint;
}

/** The row that a read gives. */
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

/** Columns by their field names, as a SELECT or RETURNING gives them. */
export function selected(
  { record: { columns } }: Names,
  fields: readonly (keyof Names["record"]["columns"])[],
): string {
  return fields.map((field) => `${columns[field]} AS ${field}`).join(", ");
}

/** Those of a {@link RecordRow} that are columns. */
export const RECORD_ROW = ["attempt", "status", "fingerprint", "owner", "response"] as const;
/** Those of a {@link FinishedRow}. */
export const FINISHED_ROW = ["id", "status", "fingerprint", "owner", "response"] as const;
/** Those of an {@link AbandonedRow}. */
export const ABANDONED_ROW = ["id", "scope", "operation", "key", "fingerprint", "attempt", "input"] as const;
