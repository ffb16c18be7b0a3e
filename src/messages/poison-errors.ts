/** Whose cause was set here. An application may throw the same error for each message, and its chain must not grow. */
const completed = new WeakSet<Error>();

/**
 * Rethrows what `onPoison` failed with. Why it was called, `reason`, becomes the innermost cause of that: otherwise the log
 * would show only that the dead-letter table is missing, and not what ails the message.
 */
export function rethrowingAfter(reason: unknown): (failure: unknown) => never {
  return (failure) => {
    const chain = chainOf(failure);
    const innermost = chain.at(-1);
    // What is in both chains would become its own cause.
    const isShared = chainOf(reason).some((error) => chain.includes(error));
    if (reason !== undefined && innermost !== undefined && !isShared && takesCause(innermost)) {
      completed.add(innermost);
      Object.defineProperty(innermost, "cause", { value: reason, configurable: true, writable: true });
    }
    throw failure;
  };
}

function takesCause(error: Error): boolean {
  return completed.has(error) || (Object.isExtensible(error) && (error.cause ?? undefined) === undefined);
}

/** An error and its causes, down to one whose cause was set here. Empty if the chain has no end. */
function chainOf(thrown: unknown): readonly Error[] {
  const chain = new Set<Error>();
  let error = thrown;
  while (error instanceof Error) {
    if (chain.has(error)) {
      return [];
    }
    chain.add(error);
    error = completed.has(error) ? undefined : error.cause;
  }
  return [...chain];
}
