import { misuse } from "../core/browser/option-checks.ts";

/**
 * An intent as text: equal for equal intents, whatever the order of their properties.
 *
 * @throws TypeError for what JSON would lose: two intents must not become the same text
 */
export function intentText(intent: unknown): string {
  const text = JSON.stringify(intent, (_name, part: unknown) => sorted(part)) as string | undefined;
  if (text === undefined) {
    throw misuse("intent", intent, "what the user decided: an id, or an object such as { cart, items }");
  }
  return text;
}

function sorted(part: unknown): unknown {
  if (typeof part === "bigint" || typeof part === "function" || typeof part === "symbol") {
    throw misuse("intent", part, "JSON values only, for example the text of it");
  }
  if (typeof part !== "object" || part === null || Array.isArray(part)) {
    return part;
  }
  const prototype: unknown = Object.getPrototypeOf(part);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new TypeError(
      `onceonly: option intent holds an instance of ${part.constructor.name}; give plain objects, arrays and JSON values.`,
    );
  }
  return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
}
