import { answeredAtOnce, warn } from "../contract/callbacks.ts";
import { isIdempotencyError, unwrapped } from "../contract/errors/errors.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import { storeAll } from "../contract/options/options.ts";
import type { PreparedRun } from "../request/prepare.ts";
import { redacted } from "./redacted.ts";
import { decodeStored, encodeStored } from "./stored-outcome.ts";

/** What a handler answered, and the text from which every duplicate will get that answer. */
export interface Answer<T> {
  readonly settled: SettledRun<T>;
  readonly response: string;
}

/**
 * Executes `work` and encodes its answer: its value, or an error that `storeError` takes for an answer. Once `signal` is
 * aborted, no error is an answer: whatever its class, it may only reflect the abort.
 *
 * @throws any other error of `work`.
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export async function answerOf<T>(
  run: PreparedRun,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<Answer<T>> {
  let value: T;
  try {
    value = await work();
  } catch (error) {
    if (signal?.aborted === true || !isAnswer(run, error)) {
      throw error;
    }
    return failure(run, error);
  }
  const whole = encodeStored(run, value, run.operation);
  // The first caller gets what its duplicates will: the value read back from the stored text, now known to be readable.
  const read = decodeStored(run, whole) as T;
  const response = run.options.redact === storeAll ? whole : redactedResult(run, whole);
  return { settled: { status: "completed", value: read, replayed: false }, response };
}

/** @throws {@link IdempotencyError} `RESULT_UNSTORABLE` */
function redactedResult(run: PreparedRun, whole: string): string {
  // A copy: the first caller's own must stay whole, should it be changed in place.
  const copy = decodeStored(run, whole);
  const response = encodeStored(run, redacted(run, copy, "result"), run.operation);
  decodeStored(run, response);
  return response;
}

/** Neither a nested run's "in progress" nor a step's unreachable database is this handler's answer. */
function isAnswer({ options: { storeError } }: PreparedRun, error: unknown): boolean {
  return !isIdempotencyError(unwrapped(error)) && answeredAtOnce("storeError", storeError?.(error)) === true;
}

/** @throws `error` if it cannot be stored: that must not hide it from the caller. */
function failure(run: PreparedRun, error: unknown): Answer<never> {
  let response: string;
  try {
    response = run.options.redact === storeAll ? encodedError(run, error) : redactedError(run, error);
  } catch {
    throw error;
  }
  return { settled: { status: "failed", error, replayed: false }, response };
}

function encodedError(run: PreparedRun, error: unknown): string {
  const stored = answeredAtOnce("errors.serialize", run.options.errors.serialize(error));
  return encodeStored(run, stored, run.operation);
}

/** Of a copy: the first caller's own stays whole. */
function redactedError(run: PreparedRun, error: unknown): string {
  const { errors, errorClasses } = run.options;
  const stored = decodeStored(run, encodedError(run, error));
  const copy = answeredAtOnce("errors.deserialize", errors.deserialize(stored, errorClasses));
  try {
    return encodedError(run, redacted(run, copy, "error"));
  } catch (cause) {
    warn(
      "OnceonlyRedactWarning",
      `An error of ${run.operation} was not stored, as option redact failed`,
      cause,
    );
    throw cause;
  }
}
