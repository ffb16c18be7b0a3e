import { AsyncLocalStorage } from "node:async_hooks";
import type { HandlerTransaction } from "./handler-transaction.ts";
import { SCOPES } from "./shared-symbols.ts";

/** The handler that code runs in, by its transaction, and the handler around that one, if any. */
export interface HandlerScope {
  readonly transaction: HandlerTransaction;
  /** The statement that is being sent, if one is. */
  readonly statement?: object | undefined;
  /** The stack of its call site, if it is watched. */
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

/** Whether the caller is code of a handler, rather than ours or Prisma's for a run. */
export function inHandler(): boolean {
  return scopes.getStore() !== undefined;
}

/** The innermost scope around the caller that `matches`. */
export function findScope(matches: (scope: HandlerScope) => boolean): HandlerScope | undefined {
  let scope = scopes.getStore();
  while (scope !== undefined && !matches(scope)) {
    scope = scope.outer;
  }
  return scope;
}

/** The innermost transaction of `engine` of a handler around the caller, open or over. */
export function handlerTransactionOf(engine: object): HandlerTransaction | undefined {
  return findScope(({ transaction }) => transaction.begun.engine === engine)?.transaction;
}

export function inScope<T>(scope: HandlerScope, work: () => T): T {
  return scopes.run(scope, work);
}

/** Calls `work` as the sending of one statement. The statement is a name for {@link isSending} to know it by. */
export function sending<T>(work: (statement: object) => T): T {
  const statement = {};
  const scope = scopes.getStore();
  return scope === undefined ? work(statement) : inScope({ ...scope, statement }, () => work(statement));
}

/** Whether the caller has been called to send `statement`. An extension may send it from a context that was not. */
export function isSending(statement: object): boolean {
  return findScope((scope) => scope.statement === statement) !== undefined;
}

/** For our own statements, which belong to no handler even if one calls us. */
export function outsideHandlers<T>(work: () => T): T {
  return scopes.getStore() === undefined ? work() : scopes.run(undefined, work);
}
