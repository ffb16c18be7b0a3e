import { UnstorableValueError } from "./codec.ts";
import { IdempotencyError } from "./errors.ts";
import type { SettledRun } from "./idempotency.ts";
import type { PreparedRun } from "./request.ts";
import type { FinishedRecord } from "./store.ts";

/**
 * Writes how a run ended as the text that is stored.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export function encodeOutcome(run: PreparedRun, outcome: SettledRun<unknown>): string {
  const { codec, errors, resultBytesMax } = run.options;
  const value = outcome.status === "completed" ? outcome.value : errors.serialize(outcome.error);
  const response = `${codec.name}:${encode(run, () => codec.encode(value))}`;
  const bytes = Buffer.byteLength(response);
  if (bytes > resultBytesMax) {
    throw unstorable(run, `takes ${bytes} bytes; resultBytesMax is ${resultBytesMax}`);
  }
  return response;
}

/**
 * Brings a stored outcome back, for a duplicate.
 *
 * @throws {@link IdempotencyError} `KEY_REUSED` when the duplicate has another input, `RESULT_UNREADABLE`
 */
export function replay<T>(run: PreparedRun, record: FinishedRecord): SettledRun<T> {
  if (record.fingerprint !== run.fingerprint) {
    throw new IdempotencyError(
      "KEY_REUSED",
      `The idempotency key was used before for ${run.operation} with another input; send a new key with a new input.`,
      { operation: run.operation },
    );
  }
  const stored = decodeValue(run, record.response);
  return record.status === "completed"
    ? { status: "completed", value: stored as T, replayed: true }
    : { status: "failed", error: run.options.errors.deserialize(stored), replayed: true };
}

function encode(run: PreparedRun, write: () => string): string {
  try {
    return write();
  } catch (cause) {
    const path = cause instanceof UnstorableValueError ? cause.path : undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unstorable(run, `cannot be stored${path ? ` at ${path}` : ""} (${reason})`, path, cause);
  }
}

/**
 * The value of a stored text.
 *
 * @throws {@link IdempotencyError} `RESULT_UNREADABLE`
 */
export function decodeValue(run: PreparedRun, response: string): unknown {
  const { codec } = run.options;
  const colon = response.indexOf(":");
  try {
    if (response.slice(0, colon) !== codec.name) {
      throw new Error(`stored by the codec "${response.slice(0, colon)}", read by "${codec.name}"`);
    }
    return codec.decode(response.slice(colon + 1));
  } catch (cause) {
    throw new IdempotencyError(
      "RESULT_UNREADABLE",
      `The stored result of ${run.operation} cannot be read; it was not executed again.`,
      { operation: run.operation },
      { cause },
    );
  }
}

function unstorable(run: PreparedRun, problem: string, path?: string, cause?: unknown) {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `The result of ${run.operation} ${problem}. It was rolled back, as it could not be replayed; ` +
      "return plain data.",
    { operation: run.operation, ...(path === undefined ? {} : { path }) },
    cause === undefined ? {} : { cause },
  );
}
