/** What a terminal alone gets, on standard error: standard output is the answer's. */
import { Writable } from "node:stream";
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

/** For a terminal that does not say how wide it is: the prompts would give each character a line of its own. */
const COLUMNS = 80;

/** Standard error, without colours where there are to be none: on Node.js 20 the prompts have them always. */
function terminal(): Writable {
  const { stderr } = process;
  if (stderr.hasColors() && stderr.columns > 0) {
    return stderr;
  }
  const plain = new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      // oxlint-disable-next-line no-control-regex
      stderr.write(String(text).replaceAll(/\u001b\[[\d;]*m/g, ""), () => done());
    },
  });
  return Object.assign(plain, { isTTY: true, columns: stderr.columns || COLUMNS, rows: stderr.rows });
}
