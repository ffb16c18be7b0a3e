import { typeOf } from "../browser/option-checks.ts";
import type { InputProblem } from "../contract/errors.ts";

/** An input that cannot be compared. Its `message` names the remedy. */
export class NotComparableError extends TypeError {
  readonly reason: InputProblem;

  constructor(reason: InputProblem, message: string) {
    super(message);
    this.reason = reason;
  }
}

export function unfit(reason: InputProblem, how: string): NotComparableError {
  return new NotComparableError(
    reason,
    `input is ${how}; pass as \`input\` only what identifies the request, or a hash of it.`,
  );
}

export function tooLarge(charactersMax: number): NotComparableError {
  return unfit("too_large", `more than ${charactersMax} characters`);
}

export function notComparable(value: unknown, path: string): NotComparableError {
  const prototype = typeof value === "object" ? (Object.getPrototypeOf(value) as object | null) : null;
  const kind = (prototype as { readonly constructor?: { readonly name?: unknown } } | null)?.constructor
    ?.name;
  return new NotComparableError(
    "not_comparable",
    `${path} is a ${typeof kind === "string" && kind !== "" ? kind : typeOf(value)}, which cannot be compared with a retry's; pass as \`input\` only what identifies the ` +
      "request (for a stream, its bytes or their hash).",
  );
}
