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
