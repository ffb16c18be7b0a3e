/** How stored texts are encrypted anew. */
export interface ReencryptOptions {
  /** Stops after the records under way. */
  readonly signal?: AbortSignal;
}

/** What became of stored texts: results, errors, inputs and results of steps. */
export interface Reencrypted {
  /** Records that were looked at. */
  readonly records: number;
  /** Texts that are stored by the current key now, and were not before. */
  readonly rewritten: number;
  /** Texts that could not be decrypted: their key is missing, or they were changed. They are left as they are. */
  readonly unreadable: number;
}
