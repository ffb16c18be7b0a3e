import { typeOf } from "../browser/option-checks.ts";
import type { InputProblem } from "../contract/errors/errors.ts";

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
  return new NotComparableError(
    "not_comparable",
    `${path} is a ${kindOf(value)}, which cannot be compared with a retry's; pass as \`input\` only what identifies the ` +
      "request (for a stream, its bytes or their hash).",
  );
}

/** Its class has a name, unless its prototype has none of JavaScript's own above it. */
function kindOf(value: unknown): string {
  const prototype: unknown =
    typeof value === "object" && value !== null ? Object.getPrototypeOf(value) : null;
  const { name } =
    (prototype as { readonly constructor?: { readonly name?: unknown } } | null)?.constructor ?? {};
  return typeof name === "string" && name !== "" ? name : typeOf(value);
}
