/** What a terminal alone gets, on standard error: standard output is the answer's. */
import { confirm, isCancel, progress } from "@clack/prompts";

/** Whether there is somebody who can be asked. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** @returns whether the answer is yes; no is the default, and Ctrl-C is no. */
export async function ask(message: string): Promise<boolean> {
  const answer = await confirm({ message, initialValue: false, output: terminal() });
  return !isCancel(answer) && answer;
}

export interface Progress {
  advance(count: number, message: string): void;
  end(message: string): void;
}

/** A bar on a terminal, and a line for each advance elsewhere. */
export function progressOf(max: number, message: string, log: (line: string) => void): Progress {
  if (!canAsk()) {
    return { advance: (_, line) => log(line), end: () => {} };
  }
  const bar = progress({ max, output: terminal(), cancelMessage: "Stopping after the batch under way" });
  bar.start(message);
  // It reads keys as they are typed and ends the process at Ctrl-C, in the middle of a batch. Now Ctrl-C is a signal again.
  process.stdin.setRawMode(false);
  return { advance: (count, line) => bar.advance(count, line), end: (line) => bar.stop(line) };
}

/** Standard error. NO_COLOR is the prompts' own business. */
function terminal(): NodeJS.WriteStream {
  const { stderr } = process;
  // Where a terminal does not say how wide it is, each character would be given a line of its own.
  stderr.columns ||= 80;
  return stderr;
}
