import type { TableNames } from "./model.ts";

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
}

/** The columns of a {@link RecordRow} but `mine`, by their names there. */
export function rowOf({ columns: c }: TableNames): string {
  const fields = ["attempt", "status", "fingerprint", "owner", "response"] as const;
  return fields.map((field) => `${c[field]} AS ${field}`).join(", ");
}
