import { inspect } from "node:util";

/** Reports a failure that has no caller to go to. */
export function warn(name: string, text: string, error: unknown): void {
  const warning = new Error(`${text}: ${reasonOf(error)}`, { cause: error });
  warning.name = name;
  process.emitWarning(warning);
}

/** The message of what was thrown. An application may throw anything, also what cannot be shown. */
export function reasonOf(error: unknown): string {
  try {
    const shown: unknown = error instanceof Error ? error.message : error;
    return typeof shown === "string" ? shown : inspect(shown);
  } catch {
    return "an error that cannot be shown";
  }
}

/** As {@link reasonOf}, for a sentence that says itself that it is ours. */
export function reasonWithin(error: unknown): string {
  return reasonOf(error).replace(/^onceonly: /, "");
}

/**
 * Calls a callback of the application that is only told of something, and waits for it. Whatever it throws changes nothing
 * of what it was told: it becomes a process warning of this name.
 */
export async function told(warning: string, failure: string, callback: () => unknown): Promise<void> {
  try {
    await callback();
  } catch (error) {
    warn(warning, failure, error);
  }
}

/**
 * What a callback of the application answered that must answer at once. A promise would be taken for an answer, and its
 * rejection, which nobody awaits, would end the process.
 *
 * @throws TypeError that names the option.
 */
export function answeredAtOnce<T>(option: string, answer: T): T {
  if (typeof (answer as { then?: unknown } | null | undefined)?.then !== "function") {
    return answer;
  }
  Promise.resolve(answer).catch(() => {});
  throw new TypeError(
    `onceonly: option ${option} returned a promise; give a function that answers at once, without await.`,
  );
}
