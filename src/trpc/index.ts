/**
 * Exactly-once mutations for tRPC.
 *
 * @module onceonly/trpc
 */
export type { Mode, ScopeValue } from "../core/adapter/options.ts";
export { type TRPCCompleterOptions, trpcCompleter } from "./completer.ts";
export type {
  LeasedContext,
  LeasedMutationIdempotency,
  MutationIdempotency,
  ProvidedContext,
} from "./context.ts";
export { isExpectedError } from "./errors/expected-error.ts";
export { type IdempotencyData, idempotencyData } from "./errors/told-errors.ts";
export { type IdempotencyMiddleware, idempotencyMiddleware } from "./middleware.ts";
export type {
  CommonMiddlewareOptions,
  IdempotencyMiddlewareOptions,
  LeaseMiddlewareOptions,
} from "./options.ts";
export type { InputRequest, MutationCall } from "./request/procedure-call.ts";
export type {
  FastifyResponse,
  NodeHeaders,
  NodeResponse,
  RequestInfo,
  RequestParts,
} from "./request/request-parts.ts";
export { type AuditedMutation, type AuditedPolicy, auditRouter } from "./router/audit.ts";
export type { IdempotencyMeta } from "./router/meta.ts";
