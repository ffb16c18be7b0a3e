import { printOut } from "../terminal/stdout.ts";
import { jsonText } from "../terminal/values.ts";

/** What a command has to say. */
export interface Answer {
  readonly lines: readonly string[];
  /** For `--json`. */
  readonly json: unknown;
  /** Whether the answer is no, which ends the process with code 1. */
  readonly isNo?: boolean;
}

/** Prints an answer, and has the process end by it. */
export async function print(answer: Answer, { json = false }: { readonly json?: boolean }): Promise<void> {
  await printOut(json ? `${jsonText(answer.json)}\n` : answer.lines.map((line) => `${line}\n`).join(""));
  process.exitCode = answer.isNo === true ? 1 : 0;
}
