import { KEY_OPTION_GAVE_NONE, parseKeyHeader } from "../../core/adapter/key-header.ts";
import { IdempotencyError } from "../../core/contract/errors/errors.ts";

/**
 * Reads the key of a request that is routed by hand, as {@link withIdempotency} does: a quoted string, or the bare key that most
 * clients send. What frameworks give for the header is taken as it is: a string, a list of them, or nothing.
 *
 *     const key = idempotencyKeyOf(req.get("idempotency-key"), "POST /transfers");
 *
 * @param operation what needs the key, for the error's text.
 * @throws {@link IdempotencyError} `KEY_MISSING` without the header; `KEY_INVALID` for one that is malformed, a list, or sent
 * twice, and for a key that is not 1 to 255 printable ASCII characters.
 */
export function idempotencyKeyOf(
  header: string | readonly string[] | null | undefined,
  operation: string,
): string {
  // Two headers of one name are one list (RFC 9110, section 5.3).
  const key = parseKeyHeader(typeof header === "object" ? header?.join(", ") : header);
  if (key === undefined) {
    throw keyMissing(operation);
  }
  return key;
}

/** `isOptionGiven`: whether option `key` had looked for it first. */
export function keyMissing(operation: string, isOptionGiven = false): IdempotencyError<"KEY_MISSING"> {
  const remedy = isOptionGiven
    ? KEY_OPTION_GAVE_NONE
    : "send the header Idempotency-Key, for example a UUID in double quotes";
  return new IdempotencyError("KEY_MISSING", `${operation} needs an idempotency key: ${remedy}.`, {
    operation,
  });
}
