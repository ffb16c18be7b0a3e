import type { Answer } from "../answer.ts";
import { printOut } from "../terminal/stdout.ts";
import { jsonText } from "../terminal/values.ts";

/** Prints an answer, and has the process end by it. */
export async function print(answer: Answer, { json = false }: { readonly json?: boolean }): Promise<void> {
  await printOut(json ? `${jsonText(answer.json)}\n` : answer.lines.map((line) => `${line}\n`).join(""));
  process.exitCode = answer.isNo === true ? 1 : 0;
}
