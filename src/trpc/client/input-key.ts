const keys = new WeakMap<object, string>();

/**
 * Copies a mutation's input and attaches a key for {@link idempotencyLink}, which is not sent as part of the input. For
 * callers that pass on only the input and retry by calling again, as TanStack Query does with the options of tRPC's
 * `mutationOptions`.
 *
 * @throws TypeError when the input is not a plain object or array; in that case, give the key in the call's `context`
 */
export function withIdempotencyKey<TInput extends object>(input: TInput, key: string): TInput {
  const isArray = Array.isArray(input);
  if (!isArray && Object.getPrototypeOf(input) !== Object.prototype) {
    throw new TypeError(
      "onceonly: withIdempotencyKey takes a plain object or array; give other inputs their key by context.",
    );
  }
  const copy = (isArray ? [...(input as readonly unknown[])] : { ...input }) as TInput;
  keys.set(copy, key);
  return copy;
}

/** The key that an input got from {@link withIdempotencyKey}. */
export function idempotencyKeyOf(input: unknown): string | undefined {
  return keys.get(input as object);
}
