/** Turns an expected error into a storable value and back. Adapters bring their own, for their own error class. */
export interface ErrorSerializer {
  serialize(error: unknown): unknown;
  deserialize(stored: unknown): unknown;
}

/** An error as data: what a client can see of it, and nothing of the stack. */
export interface StoredError {
  readonly name: string;
  readonly message: string;
  /** The error's own enumerable properties, such as `code`. */
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Stores name, message and own enumerable properties. The class is lost: a replayed error is an `Error`. */
export const errorSerializer: ErrorSerializer = {
  serialize: toStoredError,
  deserialize: (stored) => fromStoredError(stored as StoredError),
};

export function toStoredError(error: unknown): StoredError {
  if (error instanceof Error) {
    return { name: error.name, message: error.message, properties: { ...error } };
  }
  return { name: "Error", message: String(error), properties: {} };
}

export function fromStoredError({ name, message, properties }: StoredError): Error {
  const error = new Error(message);
  const enumerable = Object.hasOwn(properties, "name");
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true, enumerable });
  return Object.assign(error, properties);
}
