import { IdempotencyError } from "./errors.ts";

/** Turns an expected error into a storable value and back. Adapters bring their own, for their own error class. */
export interface ErrorSerializer {
  serialize(error: unknown): unknown;
  deserialize(stored: unknown): unknown;
}

/** An error as data: what a client can see of it, and nothing of the stack. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  /** The error's own enumerable properties that are plain data, such as `code`. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Something thrown that is no error. Told from a {@link StoredError} by its one member. */
interface StoredValue {
  readonly thrown: unknown;
}

/**
 * Stores name, message and own properties that are data. The class is lost: a replayed error is an `Error`. What is thrown
 * and no error, such as `{ code: "SOLD_OUT" }`, is stored as it is.
 */
export const errorSerializer: ErrorSerializer = {
  serialize: (error): StoredError | StoredValue =>
    isError(error) ? toStoredError(error) : { thrown: error },
  deserialize: (stored) =>
    "thrown" in (stored as StoredError | StoredValue)
      ? (stored as StoredValue).thrown
      : fromStoredError(stored as StoredError),
};

/** Also one of another realm, such as a test runner's. */
function isError(value: unknown): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

export function toStoredError(error: unknown): StoredError {
  if (error instanceof Error) {
    const properties = Object.entries(error).filter(([, value]) => isData(value, new Set()));
    return { name: error.name, message: error.message, properties: Object.fromEntries(properties) };
  }
  return { name: "Error", message: String(error), properties: {} };
}

export function fromStoredError({ name, message, properties }: StoredError): Error {
  if (name === "IdempotencyError" && "code" in properties && "details" in properties) {
    return new IdempotencyError(properties["code"] as never, message, properties["details"] as never);
  }
  const error = new Error(message);
  const enumerable = Object.hasOwn(properties, "name");
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true, enumerable });
  return Object.assign(error, properties);
}

/** Leaves out what drivers and HTTP clients attach to their errors: an answer must not go unstored because of a socket. */
function isData(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== "object" || value === null) {
    return typeof value !== "function" && typeof value !== "symbol";
  }
  if (seen.has(value) || value instanceof Date) {
    return true;
  }
  seen.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  return plain && Object.values(value).every((item) => isData(item, seen));
}
