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
