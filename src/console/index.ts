/**
 * Pages for support: what became of a key, what is in a record, and forgetting it.
 *
 * @module onceonly/console
 */

export type { Authorization, Authorize, OperatorRights } from "./access/operator.ts";
export { type ConsoleHandler, createConsole } from "./create-console.ts";
export type { ConsoleIdempotency, ConsoleOptions } from "./options.ts";
