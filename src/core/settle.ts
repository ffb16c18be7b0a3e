import { isIdempotencyError, unwrapped } from "./errors.ts";
import type { SettledRun } from "./idempotency.ts";
import { decodeValue, encodeOutcome } from "./outcome.ts";
import type { PreparedRun } from "./request.ts";

/** What a handler answered, and the text that every duplicate will get it from. */
export interface Settled<T> {
  readonly executed: SettledRun<T>;
  readonly response: string;
}

/**
 * Executes `work`, and writes its answer down: its value, or an error that `storeError` takes for an answer. No error is
 * one once `signal` is aborted: the abort may be all that it tells of, whatever class it has.
 *
 * @throws any other error of `work`.
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export async function settle<T>(
  run: PreparedRun,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<Settled<T>> {
  let settled: SettledRun<T>;
  try {
    settled = { status: "completed", value: await work(), replayed: false };
  } catch (error) {
    if (signal?.aborted === true || !isAnswer(run, error)) {
      throw error;
    }
    settled = { status: "failed", error, replayed: false };
  }
  const response = encodeOrRelease(run, settled);
  return { executed: asReplayed(run, settled, response), response };
}

/** A nested run's "in progress" is not this handler's answer, nor that the database was away from a step. */
function isAnswer({ options: { storeError } }: PreparedRun, error: unknown): boolean {
  return !isIdempotencyError(unwrapped(error)) && storeError?.(error) === true;
}

function encodeOrRelease(run: PreparedRun, executed: SettledRun<unknown>): string {
  try {
    return encodeOutcome(run, executed);
  } catch (error) {
    // An error with something unstorable about it is not worth failing over: the caller gets it, unstored.
    throw executed.status === "failed" ? executed.error : error;
  }
}

/** The first answer is what its duplicates will get: from the stored text too, which thereby is known to be readable. */
function asReplayed<T>(run: PreparedRun, settled: SettledRun<T>, response: string): SettledRun<T> {
  return settled.status === "completed" ? { ...settled, value: decodeValue(run, response) as T } : settled;
}
