import leven, { closestMatch } from "leven";

/** The names of all options of a type: a new one that is missing here does not compile. */
export type OptionNames<TOptions> = Readonly<Record<keyof TOptions, true>>;

/**
 * Refuses an option that does not exist: what was meant by it would silently not apply. An option that is `undefined` is
 * absent.
 *
 * `path` is what stands before its name, such as `transaction.`.
 *
 * @throws TypeError that names the nearest known option.
 */
export function checkOptionNames(
  options: object,
  known: Readonly<Record<string, true>>,
  path: `${string}.` | "" = "",
): void {
  for (const name in options) {
    if (known[name] !== true && (options as Record<string, unknown>)[name] !== undefined) {
      throw unknownOption(name, Object.keys(known), path);
    }
  }
}

function unknownOption(name: string, known: readonly string[], path: string): TypeError {
  const near = nearestTo(name, known);
  const remedy = near === undefined ? `there are ${known.join(", ")}.` : `did you mean ${path}${near}?`;
  return new TypeError(`onceonly: there is no option ${path}${name}; ${remedy}`);
}

/** The name that was probably meant; `undefined` if none is near. Upper and lower case count as one. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase();
  const names = new Map(known.map((other) => [other.toLowerCase(), other]));
  const nearest = closestMatch(given, [...names.keys()]);
  const isNear = nearest !== undefined && leven(given, nearest) <= Math.max(given.length, nearest.length) / 3;
  return isNear ? names.get(nearest) : undefined;
}
