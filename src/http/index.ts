/**
 * Exactly-once, `fetch`-style handlers of plain HTTP requests.
 *
 * @module onceonly/http
 */
export type { ScopeValue } from "../core/adapter/options.ts";
export type { Completer } from "../core/lease/completer.ts";
export type { CompleterOptions } from "../core/lease/completer-options.ts";
export { type HttpCompleterOptions, httpCompleter } from "./completer.ts";
export type { HttpContext, HttpHandler, HttpLeaseContext, HttpLeaseHandler } from "./context.ts";
export type { CommonHttpOptions, FromRequest, HttpIdempotencyOptions, HttpLeaseOptions } from "./options.ts";
export { etagOf, type IfMatchOptions, ifMatch, preconditionFailed } from "./problems/precondition.ts";
export {
  type HttpProblemCode,
  type Problem,
  type ProblemHeaders,
  type ProblemOptions,
  problemResponse,
} from "./problems/problem.ts";
export { idempotencyKeyOf } from "./request/key.ts";
export { outcomeOf, type ResponseHead, type ResponseOutcome } from "./response/outcome.ts";
export type { CreateArg, ResumableHandler } from "./resumable.ts";
export { type LeasedHandler, type WrappedHandler, withIdempotency } from "./with-idempotency.ts";
