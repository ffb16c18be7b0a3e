import { typeOf } from "../browser/option-checks.ts";
import { answeredAtOnce } from "../contract/callbacks.ts";
import { IdempotencyError } from "../contract/errors/errors.ts";
import type { SettledRun } from "../contract/idempotency.ts";
import { type Codec, UnstorableValueError } from "../contract/options/codec.ts";
import { SEALED } from "../contract/options/encryption.ts";
import type { FinishedRecord } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

/**
 * Encodes a value as the text that is stored. `source` names what it is the result of.
 *
 * @throws {@link IdempotencyError} `RESULT_UNSTORABLE`
 */
export function encodeStored(
  { operation, options: { codec, resultBytesMax } }: Pick<PreparedRun, "operation" | "options">,
  value: unknown,
  source: string,
): string {
  let response: string;
  try {
    response = encodedText(codec, value);
  } catch (cause) {
    // Only the codec's words are for clients: what a getter of the result has thrown may tell of anything.
    const { path, message } =
      cause instanceof UnstorableValueError
        ? cause
        : { path: undefined, message: "the error that it met is the cause of this one" };
    const problem = `cannot be stored${path ? ` at ${path}` : ""} (${message})`;
    throw unstorable({ operation, source, problem, path }, { cause });
  }
  const bytes = Buffer.byteLength(response);
  if (bytes > resultBytesMax) {
    const problem = `takes ${bytes} bytes; resultBytesMax is ${resultBytesMax}`;
    throw unstorable({ operation, source, problem, path: undefined });
  }
  return response;
}

/** @throws what the codec throws; UnstorableValueError for what it returns instead of a text. */
export function encodedText(codec: Codec, value: unknown): string {
  const text: unknown = answeredAtOnce("codec.encode", codec.encode(value));
  if (typeof text !== "string") {
    throw new UnstorableValueError(`codec.encode returned ${typeOf(text)} instead of a string`, "");
  }
  return `${codec.name}:${text}`;
}

/**
 * Restores a stored outcome, for a duplicate.
 *
 * @throws {@link IdempotencyError} `KEY_REUSED` when the duplicate has another input, `RESULT_UNREADABLE`
 */
export function replay<T>(run: PreparedRun, record: FinishedRecord): SettledRun<T> {
  throwIfReused(run, record.fingerprint);
  const stored = decodeStored(run, record.response);
  return record.status === "completed"
    ? { status: "completed", value: stored as T, replayed: true }
    : { status: "failed", error: restored(run, stored), replayed: true };
}

/** @throws {@link IdempotencyError} `RESULT_UNREADABLE` */
function restored({ operation, options: { errors, errorClasses } }: PreparedRun, stored: unknown): unknown {
  try {
    return answeredAtOnce("errors.deserialize", errors.deserialize(stored, errorClasses));
  } catch (cause) {
    throw resultUnreadable(operation, cause);
  }
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

/**
 * Decodes the value of a stored text.
 *
 * @throws {@link IdempotencyError} `RESULT_UNREADABLE`
 */
export function decodeStored(run: PreparedRun, response: string): unknown {
  try {
    return decodedText(run.options.codec, response);
  } catch (cause) {
    throw resultUnreadable(run.operation, cause);
  }
}

/** @throws what the codec throws, and an Error for what another one has stored. */
export function decodedText(codec: Codec, text: string): unknown {
  const colon = text.indexOf(":");
  // Without a colon, none of it is a name.
  const name = text.slice(0, Math.max(colon, 0));
  if (name === SEALED) {
    const [, keyId = ""] = text.split(":", 2);
    throw new Error(
      keyId === "!"
        ? 'it was stored without encryption, which option encryption.plaintext: "refuse" does not take'
        : `it is encrypted by ${named("key", keyId)}, which this process does not have, or it was changed`,
    );
  }
  if (name !== codec.name) {
    throw new Error(`it was stored by ${named("codec", name)}, and is read by "${codec.name}"`);
  }
  return answeredAtOnce("codec.decode", codec.decode(text.slice(colon + 1)));
}

/** What stands in a row that somebody has changed may be anything, and a part of a result. */
const named = (what: string, name: string): string =>
  /^[\w. -]{1,64}$/.test(name) ? `the ${what} "${name}"` : `an unknown ${what}`;

function resultUnreadable(operation: string, cause: unknown): IdempotencyError<"RESULT_UNREADABLE"> {
  return new IdempotencyError(
    "RESULT_UNREADABLE",
    `The stored result of ${operation} cannot be read; it was not executed again.`,
    { operation },
    { cause },
  );
}

interface Refused {
  readonly operation: string;
  readonly source: string;
  readonly problem: string;
  readonly path: string | undefined;
}

function unstorable(
  { operation, source, problem, path }: Refused,
  options?: { readonly cause: unknown },
): IdempotencyError<"RESULT_UNSTORABLE"> {
  return new IdempotencyError(
    "RESULT_UNSTORABLE",
    `The result of ${source} ${problem}. It was not stored, as it could not be replayed; return plain data.`,
    { operation, ...(path === undefined ? {} : { path }) },
    options,
  );
}
