import { AsyncLocalStorage } from "node:async_hooks";
import type { LentTransaction } from "./lent-transaction.ts";
import { SCOPES } from "./shared-symbols.ts";

/** The handler that code runs in, by its transaction, and the handler around that one, if any. */
export interface HandlerScope {
  readonly lent: LentTransaction;
  /** The stack of the statement's call site, while a watched statement is being sent. */
  readonly askedAt?: string | undefined;
  readonly outer: HandlerScope | undefined;
}

type Scopes = AsyncLocalStorage<HandlerScope | undefined>;

const registry = globalThis as { [SCOPES]?: Scopes };
registry[SCOPES] ??= new AsyncLocalStorage();
const scopes: Scopes = registry[SCOPES];

export function currentScope(): HandlerScope | undefined {
  return scopes.getStore();
}

/** The innermost transaction of `engine` that is lent to a handler around the caller, open or over. */
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

/** For our own statements, which belong to no handler even if one calls us. */
export function outsideHandlers<T>(work: () => T): T {
  return scopes.getStore() === undefined ? work() : scopes.run(undefined, work);
}
