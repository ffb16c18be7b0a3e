/**
 * The client half, for any HTTP client: keys, and a `fetch` that keeps them across its retries.
 *
 * @module onceonly/client
 */
export { isRetryable } from "../core/browser/answer-class.ts";
export { createIdempotencyKey } from "../core/browser/new-key.ts";
export { idempotentFetch } from "./idempotent-fetch.ts";
export { idempotencyKeyHeader } from "./key-header.ts";
export type { IdempotentFetchOptions, OutgoingRequest } from "./options.ts";
