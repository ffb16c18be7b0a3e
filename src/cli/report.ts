/** What a command has to say: for people, line by line, and as data for `--json`. */
export interface Report {
  readonly lines: readonly string[];
  readonly json: unknown;
  /** Whether there is something left to do, which ends the process with code 1. */
  readonly isNo: boolean;
}
