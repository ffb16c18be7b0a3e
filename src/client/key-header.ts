import { quotedKey } from "../core/browser/key-header.ts";

/**
 * The header that carries a key: `{ "Idempotency-Key": '"8e03978e-..."' }`, to spread into other headers.
 *
 * @throws TypeError when the key is not a string of 1 to 255 printable ASCII characters
 */
export function idempotencyKeyHeader(key: string): { readonly "Idempotency-Key": string } {
  return { "Idempotency-Key": quotedKey(key) };
}
