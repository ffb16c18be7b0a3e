/** What a look at the set-up has found. */
export interface Finding {
  /** `"fatal"`: runs fail, or the promise is not kept. `"warning"`: runs work, but not as well as they could. */
  readonly severity: "fatal" | "warning";
  /** What it is about, for example `"column expires_at of idempotency_record"`. */
  readonly subject: string;
  /** What was found, and what to do. */
  readonly message: string;
}
