import type { Idempotency } from "./idempotency.ts";

/**
 * What `onceonly.config.ts` exports as its default, for the command `npx onceonly`.
 *
 * The command does not read `.env` files: the config may do so, or option `--env` does.
 */
export interface CliConfig {
  /**
   * What `createIdempotency` returned, or a function that gives it. A function is called by commands that need the database, and by
   * no other.
   */
  readonly idempotency:
    | Idempotency<unknown>
    | (() => Idempotency<unknown> | PromiseLike<Idempotency<unknown>>);
  /**
   * Disconnects what the module has opened, at the end of a command. Awaited for 5 seconds; then the process ends all the same.
   * Default: nothing, as the end of the process closes the connections.
   */
  readonly close?: () => unknown;
}
