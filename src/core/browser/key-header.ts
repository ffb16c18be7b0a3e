import { typeOf } from "./option-checks.ts";

/** The request header that carries the key (draft-ietf-httpapi-idempotency-key-header-07, section 2.1). */
export const KEY_HEADER = "idempotency-key";

/**
 * The request header, `?1`, that marks a repetition. No part of the key's own header: a server that compares that as a whole
 * would take it for another key.
 */
export const RETRY_HEADER = "idempotency-retry";

/**
 * A key as it appears in the header: an RFC 8941 string, in double quotes.
 *
 * @throws TypeError when the key is not a string of 1 to 255 printable ASCII characters
 */
export function quotedKey(key: unknown): string {
  if (typeof key !== "string" || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new TypeError(
      `onceonly: the idempotency key is of type ${typeOf(key)}; give 1 to 255 printable ASCII characters.`,
    );
  }
  return `"${key.replace(/["\\]/g, "\\$&")}"`;
}

/** A key as people paste it: from the header, where it stands in quotes (RFC 8941, section 3.3.3), it is what stands between them. */
export function pastedKey(text: string): string {
  const trimmed = text.trim();
  const [, quoted] = /^"((?:[^"\\]|\\["\\])+)"$/.exec(trimmed) ?? [];
  return quoted === undefined ? trimmed : quoted.replaceAll(/\\(["\\])/g, "$1");
}
