import { type ErrorPart, errorParts } from "./error-parts.ts";
import { IdempotencyError } from "./errors.ts";
import { makeZodError, traitsOfZod } from "./zod-errors.ts";

/** Turns an expected error into a storable value and back. Adapters bring their own, for their own error class. */
export interface ErrorSerializer {
  serialize(error: unknown): unknown;
  /** `classes`: those of option `errorClasses`. */
  deserialize(stored: unknown, classes?: readonly ErrorClass[]): unknown;
}

/** A class of errors. zod's is none by its type, and one by `instanceof`. */
export type ErrorClass = abstract new (...args: never[]) => object;

/** An error as data: what a client can see of it, and nothing of the stack. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  /** The name of its class, where that is another. */
  readonly class?: string;
  /** The error's own enumerable properties, such as `code`, as far as they are data. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** What else is data and can be read: own properties that are not enumerable, and what the class gives. */
  readonly hidden?: Readonly<Record<string, unknown>>;
  /** Errors inside of these, and where: an AggregateError's, or those of the same class. */
  readonly nested?: readonly StoredPart[];
  readonly cause?: StoredError;
  /** What zod 4 looks at in place of the class. */
  readonly zod?: readonly string[];
}

interface StoredPart {
  readonly path: ErrorPart["path"];
  readonly error: StoredError;
}

/** Something thrown that is no error. Told from a {@link StoredError} by its one member. */
interface StoredValue {
  readonly thrown: unknown;
}

/**
 * Stores name, message and properties that are data. A replayed error is of a class of JavaScript's own or of option
 * `errorClasses`, else an `Error`; one of zod 4 is taken for one by zod. What is thrown and no error, such as
 * `{ code: "SOLD_OUT" }`, is stored as it is.
 */
export const errorSerializer: ErrorSerializer = {
  serialize: (error): StoredError | StoredValue =>
    // Without its causes: their texts are rarely meant for clients.
    isError(error) ? storedError(error, false, DEPTH_MAX) : { thrown: error },
  deserialize: (stored, classes) =>
    "thrown" in (stored as StoredError | StoredValue)
      ? (stored as StoredValue).thrown
      : fromStoredError(stored as StoredError, classes),
};

/** Also one of another realm, such as a test runner's. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/** How many causes of causes, or errors inside of errors, are looked at. */
const DEPTH_MAX = 5;

/** The error with its causes, for adapters that show them to the application before anything reaches a client. */
export function toStoredErrorWithCauses(error: unknown): StoredError {
  return storedError(error, true, DEPTH_MAX);
}

function storedError(error: unknown, withCauses: boolean, depth: number): StoredError {
  if (!isError(error)) {
    return { name: "Error", message: String(error), properties: {} };
  }
  const { name, message, cause, constructor } = error;
  const { properties, hidden, nested } = errorParts(
    error,
    (inner) => isError(inner) && isPartOf(inner, error),
  );
  const parts =
    depth > 0
      ? nested.map(({ path, error: inner }) => ({ path, error: storedError(inner, false, depth - 1) }))
      : [];
  const zod = traitsOfZod(error);
  return {
    name,
    message,
    ...(typeof constructor === "function" && constructor.name !== name ? { class: constructor.name } : {}),
    properties,
    ...(Object.keys(hidden).length > 0 ? { hidden } : {}),
    ...(parts.length > 0 ? { nested: parts } : {}),
    ...(withCauses && depth > 0 && isError(cause) ? { cause: storedError(cause, true, depth - 1) } : {}),
    ...(zod === undefined ? {} : { zod }),
  };
}

/** Any other error inside of an error tells what happened underneath, which nobody has called an answer. */
function isPartOf(inner: Error, outer: Error): boolean {
  return inner.name === outer.name || outer.name === "AggregateError";
}

/** Those of JavaScript that say by their class what they are. */
const BUILT_IN: readonly ErrorClass[] = [
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  URIError,
  EvalError,
  AggregateError,
];

export function fromStoredError(stored: StoredError, classes: readonly ErrorClass[] = []): Error {
  const { name, message, properties } = stored;
  if (name === "IdempotencyError" && "code" in properties && "details" in properties) {
    return new IdempotencyError(properties["code"] as never, message, properties["details"] as never);
  }
  const error = new Error(message);
  if (stored.cause !== undefined) {
    define(error, { cause: fromStoredError(stored.cause, classes) }, false);
  }
  return restoreInto(error, stored, classes);
}

/** Gives an error the name, the class and the properties of a stored one. */
export function restoreInto<TError extends Error>(
  error: TError,
  { name, class: className = name, properties, hidden = {}, nested = [], zod }: StoredError,
  classes: readonly ErrorClass[],
): TError {
  const known = [...classes, ...BUILT_IN].find((item) => item.name === className)?.prototype as unknown;
  if (known instanceof Error && !Object.prototype.isPrototypeOf.call(known, error)) {
    Object.setPrototypeOf(error, known);
  }
  for (const part of nested) {
    place({ ...hidden, ...properties }, part.path, fromStoredError(part.error, classes));
  }
  // Not assigned: a class may have given them setters, or none.
  define(error, { ...hidden, ...(Object.hasOwn(properties, "name") ? {} : { name }) }, false);
  define(error, properties, true);
  return zod === undefined ? error : makeZodError(error, zod);
}

/**
 * The first name of a path is that of a list or an object: no error is a property by itself.
 *
 * @throws Error for a path that leaves them, which only a row that was changed can have: it could end at a prototype.
 */
function place(at: object, path: ErrorPart["path"], error: Error): void {
  const last = path.length - 1;
  const holder = path.slice(0, last).reduce(ownPart, at);
  define(holder, { [path[last] as string]: error }, true);
}

function ownPart(part: object, name: string | number): object {
  const own: unknown = Object.hasOwn(part, name) ? Reflect.get(part, name) : undefined;
  if (typeof own !== "object" || own === null) {
    throw new Error("a stored error has another inside of it where it has no place for one");
  }
  return own;
}

function define(target: object, values: object, enumerable: boolean): void {
  for (const [name, value] of Object.entries(values)) {
    // What is there stands in another order.
    Reflect.deleteProperty(target, name);
    Object.defineProperty(target, name, { value, enumerable, configurable: true, writable: true });
  }
}
