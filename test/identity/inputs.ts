/** Inputs that are often almost the same, and what makes two the same input, said another way than by writing them out. */
import fc from "fast-check";

// Few leaves and few keys, so that two values are often almost the same.
export const leaf = fc.oneof(
  fc.constantFrom<unknown>(null, undefined, true, false, 0, -0, 1, Number.NaN, "", "0", "1", "null", 0n, 1n),
  fc.constantFrom<unknown>('"', '"1:', "]", "}", "u", "[]", "{}", ";", "n1;", "\ud800"),
  fc.integer({ min: 0, max: 2 }).map((ms) => new Date(ms)),
  fc.uint8Array({ max: 1, maxLength: 2 }),
);
const name = fc.constantFrom("a", "b", "ab", "1", "", '"', "__proto__", "constructor");
const objectOf = (entries: [string, unknown][]) =>
  Object.defineProperties(
    {},
    Object.fromEntries(entries.map(([key, value]) => [key, own(value)])) as PropertyDescriptorMap,
  );
const own = (value: unknown) => ({ value, enumerable: true, configurable: true, writable: true });

export const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.uniqueArray(fc.tuple(name, tie("value")), { selector: ([key]) => key, maxLength: 3 }).map(objectOf),
    fc
      .uniqueArray(fc.tuple(name, tie("value")), { selector: ([key]) => key, maxLength: 2 })
      .map((e) => new Map(e)),
    fc
      .uniqueArray(fc.constantFrom("a", 1, "1", 1n, null, true), { maxLength: 3 })
      .map((items) => new Set<unknown>(items)),
  ),
}));

/** Whether two values are the same input, said another way than by writing them out. */
export function sameInput(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Object.getPrototypeOf(one) !== Object.getPrototypeOf(other)) return false;
  if (one instanceof Date) return one.getTime() === (other as Date).getTime();
  if (one instanceof Uint8Array) return Buffer.compare(one, other as Uint8Array) === 0;
  if (one instanceof Set) return sameMembers([...one], [...(other as Set<unknown>)]);
  if (one instanceof Map) return sameMembers([...one], [...(other as Map<unknown, unknown>)]);
  if (Array.isArray(one)) {
    return (
      one.length === (other as unknown[]).length &&
      one.every((item, i) => sameInput(item, (other as unknown[])[i]))
    );
  }
  const present = (value: object) => Object.entries(value).filter(([, item]) => item !== undefined);
  return sameMembers(present(one), present(other));
}

function sameMembers(one: unknown[], other: unknown[]): boolean {
  return (
    one.length === other.length && one.every((item) => other.some((candidate) => sameInput(item, candidate)))
  );
}

/** The same value, every object's and Map's entries turned round, and an undefined property more. */
export function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (value instanceof Map) {
    return new Map([...value].toReversed().map(([key, item]) => [key, reordered(item)]));
  }
  if (value instanceof Set) return new Set([...value].toReversed());
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  const entries = Object.entries(value).toReversed();
  return objectOf([
    ["absent", undefined],
    ...entries.map(([key, item]) => [key, reordered(item)] as [string, unknown]),
  ]);
}
