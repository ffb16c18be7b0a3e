import { createHash } from "node:crypto";
import { misuse, typeOf } from "../browser/option-checks.ts";
import { IdempotencyError, type KeyProblem } from "../contract/errors/errors.ts";

/** The longest key, in characters. The same bound as Stripe's. */
const KEY_LENGTH_MAX = 255;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Identifies one record. Two identities differ if any part differs. */
export interface Identity {
  readonly scope: string;
  readonly operation: string;
  readonly key: string;
}

/**
 * Returns `key` if it is a string of 1 to 255 printable ASCII characters.
 *
 * @throws {@link IdempotencyError} `KEY_INVALID`, before any database work.
 */
export function checkKey(key: unknown): string {
  if (typeof key !== "string") {
    throw invalidKey("not_a_string", `The idempotency key is of type ${typeOf(key)}; send a string.`);
  }
  if (key.length === 0) {
    throw invalidKey("empty", "The idempotency key is empty; send 1 to 255 characters, for example a UUID.");
  }
  if (key.length > KEY_LENGTH_MAX) {
    throw invalidKey(
      "too_long",
      `The idempotency key has ${key.length} characters; send at most ${KEY_LENGTH_MAX}, for example a UUID.`,
    );
  }
  if (!PRINTABLE_ASCII.test(key)) {
    throw invalidKey(
      "not_printable_ascii",
      "The idempotency key holds characters other than printable ASCII; send for example a UUID.",
    );
  }
  return key;
}

/** Returns `id` if it is one that {@link recordId} may have made. @throws TypeError */
export function checkId(id: unknown): string {
  if (typeof id !== "string" || !ID.test(id)) {
    throw misuse("id", id, "the id of a record as events and traces give it, 43 characters of base64url");
  }
  return id;
}

const ID = /^[\w-]{43}$/;

/** The primary key of a record: SHA-256 in base64url, 43 characters. */
export function recordId({ scope, operation, key }: Identity): string {
  return hash("record", scope, operation, key);
}

/**
 * A key for a downstream service, derived from a record and a name: the same on every attempt, different for every
 * name, and revealing neither the client's key nor the scope.
 */
export function derivedKey(id: string, name: string): string {
  return hash("derived", id, name);
}

/** SHA-256 over parts that cannot run into each other: each is preceded by its length. */
function hash(...parts: readonly string[]): string {
  const sha = createHash("sha256");
  for (const part of parts) {
    sha.update(`${part.length}:`).update(part, "utf16le");
  }
  return sha.digest("base64url");
}

export function invalidKey(
  reason: KeyProblem,
  message: string,
  cause?: unknown,
): IdempotencyError<"KEY_INVALID"> {
  return new IdempotencyError("KEY_INVALID", message, { reason }, cause === undefined ? {} : { cause });
}
