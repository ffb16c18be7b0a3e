import { typeOf } from "../browser/option-checks.ts";

const NAME_LENGTH_MAX = 255;

// UTF-8 cannot encode half a surrogate pair, such as `slice` leaves of an emoji: the database would hold another name,
// under which a later attempt would not find the step.
const UNSTORABLE = /\0|\p{Surrogate}/u;

/** @throws TypeError for what a step cannot execute. */
export function checkExecute(name: string, execute: unknown, operation: string): void {
  if (typeof execute !== "function") {
    throw new TypeError(
      `onceonly: step "${name}" of ${operation} has nothing to execute: its second argument is of type ${typeOf(execute)}; ` +
        "give a function such as ({ key, signal }) => ..., or ({ tx }) => ... for a transaction.",
    );
  }
}

/** The step names of one attempt. A step is found again by its name, so each name is used once. */
export class StepNames {
  readonly #operation: string;
  readonly #taken: Set<string> = new Set();

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** @throws TypeError for a name that cannot be used or was used before, and inside a transaction. */
  take(name: unknown, isInTransaction: boolean): void {
    const usable = typeof name === "string" && name !== "" && !UNSTORABLE.test(name);
    if (!usable || name.length > NAME_LENGTH_MAX) {
      throw new TypeError(
        `onceonly: a step of ${this.#operation} has a name ${typeof name === "string" ? `of ${name.length} characters` : `of type ${typeOf(name)}`}; ` +
          `give one of 1 to ${NAME_LENGTH_MAX} characters without NUL or half a surrogate pair, for example "charge".`,
      );
    }
    if (isInTransaction) {
      // The step could not be recorded before the transaction ends, and the transaction would wait for the step.
      throw new TypeError(
        `onceonly: step "${name}" of ${this.#operation} begins inside a transaction; take the step before it or after it.`,
      );
    }
    if (this.#taken.has(name)) {
      throw new TypeError(
        `onceonly: ${this.#operation} uses the step name "${name}" twice in one run; the second would get the result of ` +
          `the first. Give each step a name of its own, in a loop for example \`ship-\${item.id}\`.`,
      );
    }
    this.#taken.add(name);
  }
}
