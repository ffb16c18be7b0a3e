import { UnstorableValueError } from "../contract/codec.ts";
import { IdempotencyError } from "../contract/errors.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import type { FinishedRecord } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

/**
 * Encodes how a run ended as the text that is stored.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export function encodeOutcome(
  run: Pick<PreparedRun, "operation" | "options">,
  outcome: SettledRun<unknown>,
): string {
  const value = outcome.status === "completed" ? outcome.value : run.options.errors.serialize(outcome.error);
  return encodeValue(run, value, run.operation);
}

/**
 * Encodes a value as the text that is stored. `source` names what it is the result of.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export function encodeValue(
  { operation, options }: Pick<PreparedRun, "operation" | "options">,
  value: unknown,
  source: string,
): string {
  const { codec, resultBytesMax } = options;
  const refused = { operation, source };
  const response = `${codec.name}:${encode(refused, () => codec.encode(value))}`;
  const bytes = Buffer.byteLength(response);
  if (bytes > resultBytesMax) {
    throw unstorable(refused, `takes ${bytes} bytes; resultBytesMax is ${resultBytesMax}`);
  }
  return response;
}

/**
 * Restores a stored outcome, for a duplicate.
 *
 * @throws {@link IdempotencyError} `KEY_REUSED` when the duplicate has another input, `RESULT_UNREADABLE`
 */
export function replay<T>(run: PreparedRun, record: FinishedRecord): SettledRun<T> {
  throwIfReused(run, record.fingerprint);
  const stored = decodeValue(run, record.response);
  return record.status === "completed"
    ? { status: "completed", value: stored as T, replayed: true }
    : { status: "failed", error: run.options.errors.deserialize(stored), replayed: true };
}

/** @throws {@link IdempotencyError} `KEY_REUSED` when the key's record belongs to another input. */
export function throwIfReused(run: PreparedRun, fingerprint: string): void {
  if (fingerprint !== run.fingerprint) {
    throw new IdempotencyError(
      "KEY_REUSED",
      `The idempotency key was used before for ${run.operation} with another input; send a new key with a new input.`,
      { operation: run.operation },
    );
  }
}

function encode(refused: Refused, write: () => string): string {
  try {
    return write();
  } catch (cause) {
    const path = cause instanceof UnstorableValueError ? cause.path : undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw unstorable(refused, `cannot be stored${path ? ` at ${path}` : ""} (${reason})`, path, cause);
  }
}

/**
 * Decodes the value of a stored text.
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

interface Refused {
  readonly operation: string;
  readonly source: string;
}

function unstorable({ operation, source }: Refused, problem: string, path?: string, cause?: unknown) {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `The result of ${source} ${problem}. It was not stored, as it could not be replayed; return plain data.`,
    { operation, ...(path === undefined ? {} : { path }) },
    cause === undefined ? {} : { cause },
  );
}
