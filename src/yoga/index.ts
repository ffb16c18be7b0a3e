/**
 * Exactly-once mutations for GraphQL Yoga and plain Envelop.
 *
 * @module onceonly/yoga
 */
export type { Mode, ScopeValue } from "../core/adapter/options.ts";
export { type AuditedField, auditSchema } from "./audit.ts";
export { isExpectedError } from "./errors/expected-error.ts";
export type {
  IdempotencyPluginOptions,
  KeyRequest,
  ModeChoice,
  MutationInfo,
  RequireKey,
} from "./options.ts";
export type { IdempotencyPlugin } from "./plugin.ts";
export { idempotentDirective } from "./request/directive.ts";
export type { LeasedMutationIdempotency, MutationIdempotency } from "./unit/provide.ts";
export { useIdempotency } from "./use-idempotency.ts";
