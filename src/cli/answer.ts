/** What a command has to say. */
export interface Answer {
  readonly lines: readonly string[];
  /** For `--json`. */
  readonly json: unknown;
  /** Whether the answer is no, which ends the process with code 1. */
  readonly isNo?: boolean;
}
