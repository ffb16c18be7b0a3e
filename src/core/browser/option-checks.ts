/** JavaScript timers hold 32 bits; a larger delay would fire at once. */
export const TIMER_MS_MAX: number = 2 ** 31 - 1;

/**
 * Refuses an option that does not exist, and what is no object of options: what was meant would silently not apply. An option
 * that is `undefined` is absent. Browsers get the list of names; servers also look for the nearest one (`checkOptionNames`).
 */
export function checkNames(options: object, known: readonly string[]): void {
  const given = typeof options === "object" ? Object.entries(options) : [[`of type ${typeof options}`, 0]];
  for (const [name, value] of given) {
    if (value !== undefined && !known.includes(name as string)) {
      throw new TypeError(`onceonly: there is no option ${name}; give ${known.join(", ")}.`);
    }
  }
}

export function checkNumber(option: string, value: unknown, min: number, max: number = TIMER_MS_MAX): void {
  const number = value as number;
  if (value !== undefined && !(Number.isSafeInteger(value) && number >= min && number <= max)) {
    throw misuse(option, value, `an integer from ${min} to ${max}`);
  }
}

export function checkOneOf(option: string, value: unknown, allowed: readonly string[]): void {
  if (value !== undefined && !allowed.includes(value as string)) {
    throw misuse(option, value, allowed.map((name) => JSON.stringify(name)).join(" or "));
  }
}

export function checkFunctions(option: string, value: unknown, names: readonly string[]): void {
  if (value === undefined) {
    return;
  }
  const functions = value as Record<string, unknown> | null;
  if (typeof value !== "object" || names.some((name) => typeof functions?.[name] !== "function")) {
    throw misuse(option, value, `an object with the functions ${names.join(" and ")}`);
  }
}

export function checkFunction(option: string, value: unknown, example: string): void {
  if (value !== undefined && typeof value !== "function") {
    throw misuse(option, value, `a function such as ${example}`);
  }
}

export function checkSignal(signal: unknown): void {
  const isSignal = typeof signal === "object" && signal !== null && "aborted" in signal;
  if (signal !== undefined && !isSignal) {
    throw misuse("signal", signal, "the signal of an AbortController");
  }
}

/** The error for an option that cannot be used: `misuse("waitMs", "3s", "an integer")`. */
export function misuse(option: string, value: unknown, remedy: string): TypeError {
  const shown = typeof value === "string" || typeof value === "number" ? ` (${JSON.stringify(value)})` : "";
  return new TypeError(`onceonly: option ${option} is of type ${typeOf(value)}${shown}; give ${remedy}.`);
}

/** The type of a value as an error message names it. */
export function typeOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
