const keys = new WeakMap<object, string>();

/**
 * A copy of a mutation's input that carries a key to {@link idempotencyLink}, beside its data: nothing of it is sent as
 * input. For those who hand only the input on and call again for a retry, as TanStack Query does with the options of
 * tRPC's `mutationOptions`.
 *
 * @throws TypeError when the input is no plain object or array; give the key in the call's `context` then
 */
export function withIdempotencyKey<TInput extends object>(input: TInput, key: string): TInput {
  const copy = copyOf(input);
  keys.set(copy, key);
  return copy;
}

/** The key that an input got from {@link withIdempotencyKey}. */
export function idempotencyKeyOf(input: unknown): string | undefined {
  return typeof input === "object" && input !== null ? keys.get(input) : undefined;
}

function copyOf<TInput extends object>(input: TInput): TInput {
  if (Array.isArray(input)) {
    return [...(input as readonly unknown[])] as TInput;
  }
  const prototype: unknown = Object.getPrototypeOf(input);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(
      "onceonly: withIdempotencyKey takes a plain object or an array; give the key as context: { idempotencyKey }.",
    );
  }
  return { ...input };
}
