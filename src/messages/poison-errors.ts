/**
 * Rethrows what `onPoison` failed with. Why it was called, `reason`, becomes the innermost cause of that: otherwise the log
 * would show only that the dead-letter table is missing, and not what ails the message.
 */
export function rethrowingAfter(reason: unknown): (failure: unknown) => never {
  return (failure) => {
    const innermost = innermostOf(failure, reason);
    if (reason !== undefined && innermost !== undefined && Object.isExtensible(innermost)) {
      Object.defineProperty(innermost, "cause", { value: reason, configurable: true, writable: true });
    }
    throw failure;
  };
}

/** The last error in the chain of causes. `undefined` if `reason` is in there already, or the chain has no end. */
function innermostOf(failure: unknown, reason: unknown): Error | undefined {
  const seen = new Set<unknown>();
  let error = failure;
  while (error instanceof Error && error !== reason && !seen.has(error)) {
    if (error.cause === undefined || error.cause === null) {
      return error;
    }
    seen.add(error);
    error = error.cause;
  }
  return undefined;
}
