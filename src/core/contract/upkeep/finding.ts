/** What a look at the set-up has found. */
export interface Finding {
  /** `"fatal"`: runs fail, or the promise is not kept. `"warning"`: runs work, but not as well as they could. */
  readonly severity: "fatal" | "warning";
  /** What it is about, for example `"column expires_at of idempotency_record"`. */
  readonly subject: string;
  /** What was found, and what to do. */
  readonly message: string;
  /**
   * SQL statements that mend it, in their order, for whoever owns the tables: nothing here runs them. Absent where none does by
   * itself. Those that change a time's type read it in the time zone of their session, which must be that of the application's.
   */
  readonly remedy?: readonly string[];
}
