import { isIdempotencyError, unwrapped } from "../contract/errors.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { decodeValue, encodeOutcome } from "./stored-outcome.ts";

/** What a handler answered, and the text from which every duplicate will get that answer. */
export interface Settled<T> {
  readonly executed: SettledRun<T>;
  readonly response: string;
}

/**
 * Executes `work` and encodes its answer: its value, or an error that `storeError` takes for an answer. Once `signal` is
 * aborted, no error is an answer: whatever its class, it may only reflect the abort.
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

/** Neither a nested run's "in progress" nor a step's unreachable database is this handler's answer. */
function isAnswer({ options: { storeError } }: PreparedRun, error: unknown): boolean {
  return !isIdempotencyError(unwrapped(error)) && storeError?.(error) === true;
}

function encodeOrRelease(run: PreparedRun, executed: SettledRun<unknown>): string {
  try {
    return encodeOutcome(run, executed);
  } catch (error) {
    // That an error cannot be stored must not hide it: the caller gets the error itself, unstored.
    throw executed.status === "failed" ? executed.error : error;
  }
}

/** The first caller gets what its duplicates will: the value read back from the stored text, now known to be readable. */
function asReplayed<T>(run: PreparedRun, settled: SettledRun<T>, response: string): SettledRun<T> {
  return settled.status === "completed" ? { ...settled, value: decodeValue(run, response) as T } : settled;
}
