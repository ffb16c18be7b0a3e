import type { Names } from "./model.ts";

/** One parameterised SQL statement. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** The row a claim or a read gives. */
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

/** The columns of a {@link RecordRow} but `mine` and `leased`, by their names there. */
export function rowOf({ record: { columns: c } }: Names): string {
  const fields = ["attempt", "status", "fingerprint", "owner", "response"] as const;
  return fields.map((field) => `${c[field]} AS ${field}`).join(", ");
}

/** The columns of an {@link AbandonedRow}, by their names there. */
export function abandonedRowOf({ record: { columns: c } }: Names): string {
  const fields = ["id", "scope", "operation", "key", "fingerprint", "attempt", "input"] as const;
  return fields.map((field) => `${c[field]} AS ${field}`).join(", ");
}
