/**
 * The client half for React: one key per user intent.
 *
 * @module onceonly/react
 */
export type { KeyStorage } from "./storage.ts";
export { type IntentKey, type IntentKeyOptions, useIdempotencyKey } from "./use-idempotency-key.ts";
