import type { Operation } from "@trpc/client";

// The policy of a `retryLink` in front of our link does not see the context that our link adds.
const keyed = new WeakSet<Operation>();

const began = new WeakMap<Operation, number>();

/** When an operation was first seen. */
export function beginOf(operation: Operation): number {
  const at = began.get(operation) ?? Date.now();
  began.set(operation, at);
  return at;
}

export function rememberKeyed(operation: Operation): void {
  keyed.add(operation);
  beginOf(operation);
}

/** Whether an operation has a key, or gets one from a later link. */
export function isKeyed(operation: Operation): boolean {
  return keyIn(operation) !== undefined || keyed.has(operation);
}

/** The key in an operation's context. */
export function keyIn({ context }: Operation): unknown {
  return context["idempotencyKey"] ?? undefined;
}

// By its context, which links pass on with a copy of the operation.
const places = new WeakMap<object, number>();

/** Remembers where a call stands in the HTTP request that carries it. */
export function rememberPlace({ context }: Operation, place: number): void {
  places.set(context, place);
}

/** Where a call stood in the latest request for it. `undefined` if its headers were not made by ours. */
export function placeOf({ context }: Operation): number | undefined {
  return places.get(context);
}
