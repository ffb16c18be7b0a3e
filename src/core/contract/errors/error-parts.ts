import { Decimal } from "decimal.js";

/** What can be read of an error, without what is no data. */
interface ErrorParts {
  readonly properties: Record<string, unknown>;
  readonly hidden: Record<string, unknown>;
  /** The errors that were left out of these, and where they belong. */
  readonly nested: readonly ErrorPart[];
}

/** An error inside of another. */
export interface ErrorPart {
  readonly path: readonly (string | number)[];
  readonly error: Error;
}

/** Kept in a way of their own, or never. Some engines note in every error where in the code it was made. */
const HIDDEN_NOT: ReadonlySet<string> = new Set([
  "name",
  "message",
  "stack",
  "cause",
  "constructor",
  "line",
  "column",
  "sourceURL",
]);

/**
 * Reads an error's properties: own ones, and those that its class gives it by getters or on its prototype. Libraries hide
 * there what makes the error one of theirs.
 *
 * @param isPart which errors inside of it are to be kept
 */
export function errorParts(error: Error, isPart: (inner: unknown) => boolean): ErrorParts {
  const copy = new DataCopy(isPart);
  const properties: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(error)) {
    if (name !== "stack" && name !== "cause") {
      copy.into(properties, name, value);
    }
  }
  const hidden: Record<string, unknown> = {};
  for (const name of hiddenNames(error)) {
    copy.into(hidden, name, readable(error, name));
  }
  return { properties, hidden, nested: copy.nested };
}

/** Names that are enumerable are not among them, nor symbols. */
function hiddenNames(error: Error): ReadonlySet<string> {
  const names = new Set<string>();
  for (
    let owner: object | null = error;
    isOfClass(owner);
    owner = Object.getPrototypeOf(owner) as object | null
  ) {
    for (const name of Object.getOwnPropertyNames(owner)) {
      if (!HIDDEN_NOT.has(name) && !Object.prototype.propertyIsEnumerable.call(error, name)) {
        names.add(name);
      }
    }
  }
  return names;
}

/** The prototypes of the language tell nothing, and that of `DOMException` has 25 constants. */
function isOfClass(owner: object | null): owner is object {
  return owner !== null && ![Error.prototype, Object.prototype, DOMException.prototype].includes(owner);
}

/** A getter may fail, in an error of all places. */
function readable(error: object, name: string): unknown {
  try {
    return Reflect.get(error, name);
  } catch {
    return NO_DATA;
  }
}

const NO_DATA = Symbol("no data");

/**
 * Copies what is data, and leaves out what drivers and HTTP clients attach to their errors: an answer must not go unstored
 * because of a socket.
 */
class DataCopy {
  readonly nested: ErrorPart[] = [];
  readonly #isPart: (inner: unknown) => boolean;
  // A part that occurs twice, or within itself, does so in the copy.
  readonly #copies: Map<object, unknown> = new Map();

  constructor(isPart: (inner: unknown) => boolean) {
    this.#isPart = isPart;
  }

  into(target: Record<string, unknown>, name: string, value: unknown): void {
    this.#put(target, name, this.#copy(value, [name]));
  }

  #put(target: object, name: string, value: unknown): void {
    if (value !== NO_DATA) {
      Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
    }
  }

  #copy(value: unknown, path: ErrorPart["path"]): unknown {
    if (typeof value !== "object" || value === null) {
      return typeof value === "function" || typeof value === "symbol" ? NO_DATA : value;
    }
    if (this.#copies.has(value)) {
      return this.#copies.get(value);
    }
    if (path.length > 1 && this.#isPart(value)) {
      this.nested.push({ path, error: value as Error });
      return null;
    }
    if (Array.isArray(value)) {
      return this.#copyList(value, path);
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      return isLeaf(value) ? value : NO_DATA;
    }
    const copy: Record<string, unknown> = {};
    this.#copies.set(value, copy);
    for (const [name, item] of Object.entries(value)) {
      this.#put(copy, name, this.#copy(item, [...path, name]));
    }
    return copy;
  }

  /** What comes after an item that is no data keeps its place. */
  #copyList(list: readonly unknown[], path: ErrorPart["path"]): readonly unknown[] {
    const copy: unknown[] = [];
    this.#copies.set(list, copy);
    for (const [index, item] of list.entries()) {
      const copied = this.#copy(item, [...path, index]);
      copy.push(copied === NO_DATA ? null : copied);
    }
    return copy;
  }
}

/** Instances that the codec restores. */
function isLeaf(value: object): boolean {
  return (
    value instanceof Date ||
    value instanceof URL ||
    value instanceof RegExp ||
    (Decimal.isDecimal(value) && typeof value.toFixed === "function")
  );
}
