import { typeOf } from "../../core/browser/option-checks.ts";

/** What `observe()` returned, by path: `orders`, `mails.sent`. */
export type Counts = ReadonlyMap<string, number>;

/** Sums of money are rarely whole in binary. */
const TOLERANCE = 1e-6;

/** @throws TypeError for anything that cannot be counted. */
export function countsOf(state: unknown): Counts {
  const counts = new Map<string, number>();
  collect(state, "", counts);
  return counts;
}

function collect(value: unknown, path: string, counts: Map<string, number>): void {
  if (typeof value === "number" && !Number.isNaN(value)) {
    counts.set(path || "(the state)", value);
  } else if (typeof value === "bigint") {
    counts.set(path || "(the state)", Number(value));
  } else if (Array.isArray(value)) {
    counts.set(path || "(the state)", value.length);
  } else if (isPlain(value)) {
    for (const [name, inner] of Object.entries(value)) {
      collect(inner, path === "" ? name : `${path}.${name}`, counts);
    }
  } else {
    const where = path === "" ? "" : ` as ${path}`;
    throw new TypeError(
      `onceonly: observe() returned ${shown(value)}${where}; give numbers, arrays (whose lengths count), or objects of these, ` +
        "such as { orders: await prisma.order.count(), mails: sent.length }.",
    );
  }
}

/** A Decimal or a Date has numbers inside that are not its value. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm: Jest runs tests in one of their own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function shown(value: unknown): string {
  const name = typeof value === "object" && value !== null ? value.constructor.name : "";
  return name === "" ? typeOf(value) : `an object of class ${name}`;
}

/** What has changed from one look to the next. What was not there counts as 0. */
export function changes(before: Counts, after: Counts): Counts {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return new Map([...paths].map((path) => [path, (after.get(path) ?? 0) - (before.get(path) ?? 0)]));
}

/** How a change differs from that which was expected. */
export interface Difference {
  readonly path: string;
  readonly change: number;
  readonly expected: number;
}

export function differences(change: Counts, expected: Counts): readonly Difference[] {
  const paths = new Set([...change.keys(), ...expected.keys()]);
  return [...paths]
    .map((path) => ({ path, change: change.get(path) ?? 0, expected: expected.get(path) ?? 0 }))
    .filter((each) => Math.abs(each.change - each.expected) > TOLERANCE);
}

export const isNothing = (change: Counts): boolean => differences(change, new Map()).length === 0;

export const times = (counts: Counts, factor: number): Counts =>
  new Map([...counts].map(([path, count]) => [path, count * factor]));

/** `+1`, `-5`. */
export const signed = (change: number): string => (change > 0 ? `+${change}` : String(change));
