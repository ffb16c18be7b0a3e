/** What a command has to say: for people, line by line, and as data for `--json`. */
export interface Report {
  readonly lines: readonly string[];
  readonly json: unknown;
  /** 0: done, or nothing to do. 1: the answer is no, or there is something to do. */
  readonly exitCode: 0 | 1;
}
