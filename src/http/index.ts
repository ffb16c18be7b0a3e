/**
 * Exactly-once, `fetch`-style handlers of plain HTTP requests.
 *
 * @module onceonly/http
 */
export type { ScopeValue } from "../core/adapter/options.ts";
export type { HttpContext, HttpHandler } from "./context.ts";
export type { FromRequest, HttpIdempotencyOptions } from "./options.ts";
export { etagOf, type IfMatchOptions, ifMatch, preconditionFailed } from "./problems/precondition.ts";
export {
  type HttpProblemCode,
  type Problem,
  type ProblemHeaders,
  type ProblemOptions,
  problemResponse,
} from "./problems/problem.ts";
export { outcomeOf, type ResponseHead, type ResponseOutcome } from "./response/outcome.ts";
export { type WrappedHandler, withIdempotency } from "./with-idempotency.ts";
