import { inspect } from "node:util";

/** Reports a failure that has no caller to go to. */
export function warn(name: string, text: string, error: unknown): void {
  const reason = error instanceof Error ? error.message : typeof error === "string" ? error : inspect(error);
  const warning = new Error(`${text}: ${reason}`, { cause: error });
  warning.name = name;
  process.emitWarning(warning);
}
