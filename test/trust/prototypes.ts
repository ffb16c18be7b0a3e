/** Whether anything has changed what all objects of the process share. */
import { expect } from "vitest";

const SHARED: readonly object[] = [
  Object,
  Array,
  Function,
  String,
  Number,
  Boolean,
  Symbol,
  BigInt,
  RegExp,
  Date,
  Map,
  Set,
  Promise,
  URL,
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  AggregateError,
  Uint8Array,
  Response,
  Headers,
].flatMap((one) => [one, one.prototype as object]);

/** The members of each, functions on prototypes included: `toString` may be given a property, too. */
function members(): unknown[] {
  return SHARED.flatMap((shared) => [
    Object.getPrototypeOf(shared) as unknown,
    ...Reflect.ownKeys(shared).flatMap((name) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(shared, name) ?? {};
      const inner = typeof value === "function" ? Reflect.ownKeys(value as object) : [];
      return [name, value, get, set, ...inner] as unknown[];
    }),
  ]);
}

const isSame = (one: readonly unknown[], other: readonly unknown[]): boolean =>
  one.length === other.length && one.every((member, index) => Object.is(member, other[index]));

const counts = (): number[] => SHARED.map((shared) => Reflect.ownKeys(shared).length);

/** Remembers them. The functions that it returns fail if they have changed since; `quickly` only counts them. */
export function watchPrototypes() {
  const [before, countsBefore] = [members(), counts()];
  const unchanged = () => expect(isSame(before, members()), "a prototype has changed").toBe(true);
  const quickly = () => expect(isSame(countsBefore, counts()), "a prototype has changed").toBe(true);
  return Object.assign(unchanged, { quickly });
}
