/**
 * The client half for tRPC: keys for mutations, in the header of every HTTP link, kept across retries.
 *
 * @module onceonly/trpc/client
 */
export { idempotencyHeaders } from "./headers.ts";
export { idempotencyKeyOf, withIdempotencyKey } from "./input-key.ts";
export { type IdempotencyLinkOptions, idempotencyLink, type OutgoingMutation } from "./link.ts";
export { type RetryPolicy, type RetryPolicyOptions, retryIdempotent } from "./retry-policy.ts";
