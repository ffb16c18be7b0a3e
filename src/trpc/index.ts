/**
 * Exactly-once mutations for tRPC.
 *
 * @module onceonly/trpc
 */
export type { ScopeValue } from "../core/adapter-options.ts";
export { type AuditedMutation, auditRouter } from "./audit.ts";
export type { MutationIdempotency, ProvidedContext } from "./context.ts";
export { isExpectedError } from "./expected-error.ts";
export { type IdempotencyMiddleware, idempotencyMiddleware } from "./middleware.ts";
export type { IdempotencyMiddlewareOptions, MutationCall } from "./options.ts";
export type { IdempotencyMeta, IdempotencyPolicy } from "./policy.ts";
export type { NodeHeaders, NodeResponse, RequestInfo, RequestParts } from "./request.ts";
