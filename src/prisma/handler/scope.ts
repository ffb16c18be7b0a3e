import { AsyncLocalStorage } from "node:async_hooks";
import type { LentTransaction } from "./lent-transaction.ts";

/** Where a piece of code runs: inside a handler to which a transaction is lent, and around that, perhaps, another. */
export interface HandlerScope {
  readonly lent: LentTransaction;
  /** The stack where the statement was asked for, while it is being sent and is watched. */
  readonly askedAt?: string | undefined;
  readonly outer: HandlerScope | undefined;
}

type Scopes = AsyncLocalStorage<HandlerScope | undefined>;

// Frameworks that reload modules, as Next.js does, keep the application's client from before: a second copy of this
// package has to find the scopes that the first one reads.
const SCOPES = Symbol.for("onceonly.handler-scopes.1");
const registry = globalThis as { [SCOPES]?: Scopes };
registry[SCOPES] ??= new AsyncLocalStorage();
const scopes: Scopes = registry[SCOPES];

export function currentScope(): HandlerScope | undefined {
  return scopes.getStore();
}

/** The innermost transaction of `engine` that is lent to a handler the caller runs in, open or over. */
export function lentOf(engine: object): LentTransaction | undefined {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.outer) {
    if (scope.lent.begun.engine === engine) {
      return scope.lent;
    }
  }
  return undefined;
}

export function inScope<T>(scope: HandlerScope, work: () => T): T {
  return scopes.run(scope, work);
}

/** For our own statements: they belong to no handler, also where one calls us. */
export function outsideHandlers<T>(work: () => T): T {
  return scopes.getStore() === undefined ? work() : scopes.run(undefined, work);
}
