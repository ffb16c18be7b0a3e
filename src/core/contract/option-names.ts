/** The names of all options of a type: a new one that is missing here does not compile. */
export type OptionNames<TOptions> = Readonly<Record<keyof TOptions, true>>;

/**
 * Refuses an option that does not exist: what was meant by it would silently not apply. An option that is `undefined` is
 * absent.
 *
 * @throws TypeError that names the nearest known option.
 */
export function checkOptionNames(options: object, known: Readonly<Record<string, true>>): void {
  for (const name in options) {
    if (known[name] !== true && (options as Record<string, unknown>)[name] !== undefined) {
      throw unknownOption(name, Object.keys(known));
    }
  }
}

function unknownOption(name: string, known: readonly string[]): TypeError {
  const near = nearestTo(name, known);
  const remedy = near === undefined ? `there are ${known.join(", ")}.` : `did you mean ${near}?`;
  return new TypeError(`onceonly: there is no option ${name}; ${remedy}`);
}

/** The name that was probably meant; `undefined` if none is near. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const other of known) {
    const distance = editDistance(name, other);
    if (distance < least && distance <= Math.floor(Math.max(name.length, other.length) / 3)) {
      [nearest, least] = [other, distance];
    }
  }
  return nearest;
}

/** How many letters to insert, delete or replace (Levenshtein); upper and lower case count as one. */
function editDistance(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
