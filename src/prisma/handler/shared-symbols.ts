/**
 * Names under which copies of this package in one process find each other's objects: development servers that reload
 * modules, as Next.js does, load a second copy and keep the application's client from before. Registered symbols are the
 * same in all copies. Change the number with the shape of what stands under it.
 */

/** On an ambient client: the client that it wraps. */
export const BASE: unique symbol = Symbol.for("onceonly.base.1") as never;

/** On an ambient client: itself. What wraps it passes this through. */
export const AMBIENT: unique symbol = Symbol.for("onceonly.ambient.1") as never;

/** On the engine of a client: the clients that Prisma has derived from it, by what their extensions are kept in. */
export const DERIVED: unique symbol = Symbol.for("onceonly.derived.1") as never;

/** On the engine of an instance of the application's own class that is ambient: that instance. */
export const OWN_CLASS: unique symbol = Symbol.for("onceonly.own-class.1") as never;

/** On the engine of a client, which all clients extended from it share: the guard. */
export const GUARD: unique symbol = Symbol.for("onceonly.guard.1") as never;

/** On the info that a statement is sent with: the transaction of a handler. */
export const HANDLER_TRANSACTION: unique symbol = Symbol.for("onceonly.lent.1") as never;

/** On the info that a statement is sent with: the name of the statement. */
export const STATEMENT: unique symbol = Symbol.for("onceonly.statement.1") as never;

/** On a promise that is sent in the transaction it was made in, wherever it is awaited: the statement behind it. */
export const OF_TRANSACTION: unique symbol = Symbol.for("onceonly.of-transaction.1") as never;

/** On `globalThis`: the handlers that code runs in. */
export const SCOPES: unique symbol = Symbol.for("onceonly.handler-scopes.1") as never;
