import type { Operation } from "@trpc/client";
import { quotedKey } from "../../core/browser/key-header.ts";
import { beginOf, keyIn, rememberPlace } from "./keyed.ts";

/**
 * The header `Idempotency-Key` for one HTTP request, to pass as the option `headers` of `httpLink`, `httpBatchLink` and
 * `httpBatchStreamLink`. It lists each call's `context.idempotencyKey`, in the order of the calls, with `?0` for a call
 * without a key (RFC 8941, section 3.1). There is no header when no call has a key.
 *
 * @throws TypeError when a key is not a string of 1 to 255 printable ASCII characters
 */
export function idempotencyHeaders(
  request: { readonly op: Operation } | { readonly opList: readonly Operation[] },
): { "Idempotency-Key"?: string } {
  const operations = "op" in request ? [request.op] : request.opList;
  const keys = operations.map((operation, place) => {
    beginOf(operation);
    rememberPlace(operation, place);
    return keyIn(operation);
  });
  return keys.every((key) => key === undefined)
    ? {}
    : { "Idempotency-Key": keys.map((key) => (key === undefined ? "?0" : quotedKey(key))).join(", ") };
}
