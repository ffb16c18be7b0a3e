import type { ProcedureCall } from "./procedure-call.ts";

type RawInputReader = ProcedureCall<unknown, unknown>["getRawInput"];

const running = new WeakSet<RawInputReader>();

/**
 * Refuses a second middleware on the same procedure: it would wait for the first, which waits for it. A call and all its
 * middlewares share one `getRawInput`, or one that {@link handOn} was told of.
 */
export async function runOnce<T>(
  { path, getRawInput }: ProcedureCall<unknown, unknown>,
  work: () => Promise<T>,
): Promise<T> {
  if (running.has(getRawInput)) {
    throw new TypeError(
      `onceonly: ${path} uses idempotencyMiddleware twice; remove one, or look at its base procedure.`,
    );
  }
  running.add(getRawInput);
  try {
    return await work();
  } finally {
    running.delete(getRawInput);
  }
}

/** Marks what the middlewares after ours read the input with. */
export function handOn(getRawInput: RawInputReader): RawInputReader {
  running.add(getRawInput);
  return getRawInput;
}
