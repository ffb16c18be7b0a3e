const keys = new WeakMap<object, string>();

/**
 * A copy of a mutation's input that carries a key to {@link idempotencyLink}, beside its data: nothing of it is sent as
 * input. For those who hand only the input on and call again for a retry, as TanStack Query does with the options of
 * tRPC's `mutationOptions`.
 *
 * @throws TypeError when the input is no plain object or array; give the key in the call's `context` then
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
