import { rawSqlOf } from "../client/raw-sql.ts";
import type { HandlerTransaction } from "./handler-transaction.ts";
import { isBuiltIn, isFunction, isModel, Members, wrapMethod } from "./members.ts";
import { nestedTransaction } from "./nested-transaction.ts";
import { isOfOwnClass } from "./own-class.ts";
import {
  type HandlerStatement,
  handlerStatementOf,
  isLazy,
  type PrismaPromise,
  sentIn,
} from "./prisma-promise.ts";
import { OF_TRANSACTION } from "./shared-symbols.ts";
import { ownTransactionError } from "./transaction-errors.ts";

/**
 * The transaction client as the handler gets it: each statement asks the {@link HandlerTransaction} whether it may be sent.
 * Only for clients without extensions, because an extension could send statements that are not seen here.
 *
 */
export function gatedClient(transaction: HandlerTransaction, tx: object, origin: ClientOrigin = {}): object {
  return wrapClient(new Gated(transaction), tx, origin);
}

/**
 * A joined client that is bound to one transaction, wherever it is used and whenever its promises are awaited. It has its
 * own gate, after all extensions.
 */
export function boundClient(transaction: HandlerTransaction, joined: object, origin: ClientOrigin): object {
  return wrapClient(new Bound(transaction), joined, origin);
}

/** What is known about the application's client that a handler's client stands for. */
export interface ClientOrigin {
  /** Of the application's own class, if it joins by itself: the methods of the class are called on it. */
  readonly instance?: object | undefined;
  /** The client that it was derived from, in a transaction. One without extensions is its own parent. */
  readonly parentIn?: ((transaction: HandlerTransaction) => object | undefined) | undefined;
  /** Whether an extension or the application's class has put its own in place of `$transaction`. */
  readonly hasOwnTransaction?: boolean;
}

/** How the statements of one transaction are sent. */
abstract class Sending {
  readonly transaction: HandlerTransaction;

  constructor(transaction: HandlerTransaction) {
    this.transaction = transaction;
  }

  /** Calls a method. */
  abstract call<T>(work: () => T): T;
  /** Awaits a promise of Prisma's, which makes it send its statement. */
  abstract start(promise: PrismaPromise): Promise<unknown>;
  /** The same, also for a promise that has been awaited before. */
  abstract startAnew(promise: PrismaPromise): Promise<unknown>;
  /** The same for a nested transaction. */
  abstract forNested(child: HandlerTransaction): Sending;

  /** How the raw statement is sent that a method with these arguments makes. */
  forRaw(_args: readonly unknown[]): Sending {
    return this;
  }
}

class Gated extends Sending {
  call<T>(work: () => T): T {
    return work();
  }

  start(promise: PrismaPromise): Promise<unknown> {
    return this.transaction.within((here) => here.send(() => promise));
  }

  startAnew(promise: PrismaPromise): Promise<unknown> {
    return this.transaction.within((here) => here.send(() => sentIn(here, promise)));
  }

  forNested(child: HandlerTransaction): Sending {
    return new Gated(child);
  }

  override forRaw(args: readonly unknown[]): Sending {
    return this.transaction.begun.endsTransaction(rawSqlOf(args)) ? new Refusing(this.transaction) : this;
  }
}

/** Of a statement that would end the transaction. */
class Refusing extends Gated {
  override start(): Promise<unknown> {
    return this.transaction.within((here) => here.refuseEnding());
  }

  override startAnew(): Promise<unknown> {
    return this.start();
  }
}

class Bound extends Sending {
  call<T>(work: () => T): T {
    return this.transaction.within(work);
  }

  start(promise: PrismaPromise): Promise<unknown> {
    return this.transaction.within((here) => sentIn(here, promise));
  }

  startAnew(promise: PrismaPromise): Promise<unknown> {
    return this.start(promise);
  }

  forNested(child: HandlerTransaction): Sending {
    return new Bound(child);
  }
}

function wrapClient(sending: Sending, client: object, origin: ClientOrigin): object {
  return new ClientMembers(sending, client, origin).proxy;
}

/** Raw queries are methods of the client, all others of its models. */
class ClientMembers implements ProxyHandler<object> {
  readonly #sending: Sending;
  readonly #origin: ClientOrigin;
  readonly #models: Map<PropertyKey, object> = new Map();
  readonly proxy: object;
  #parent: object | undefined;

  constructor(sending: Sending, client: object, origin: ClientOrigin) {
    this.#sending = sending;
    this.#origin = origin;
    this.proxy = new Proxy(client, this);
  }

  /** How extensions tell a transaction client, such as Prisma's for read replicas: in Prisma 6 that has no `$transaction`. */
  has(client: object, name: PropertyKey): boolean {
    return name !== "$transaction" && Reflect.has(client, name);
  }

  get parent(): object {
    this.#parent ??= this.#origin.parentIn?.(this.#sending.transaction) ?? this.proxy;
    return this.#parent;
  }

  get(client: object, name: PropertyKey): unknown {
    const known = this.#models.get(name);
    if (known !== undefined) {
      return known;
    }
    const sending = this.#sending;
    const origin = this.#origin;
    const { instance } = origin;
    const { proxy } = this;
    if (name === "$parent") {
      return this.parent;
    }
    const value: unknown = Reflect.get(client, name, client);
    // Even if the transaction client has none, as in Prisma 6: the type of an ambient client has it.
    if (name === "$transaction") {
      return (work: unknown, options?: unknown) =>
        origin.hasOwnTransaction === true
          ? Promise.reject(ownTransactionError())
          : nestedTransaction(
              sending.transaction,
              (child) => wrapClient(sending.forNested(child), client, origin),
              work,
              options,
            );
    }
    if (isModel(value)) {
      const model = wrapModel(sending, value, () => this.parent);
      this.#models.set(name, model);
      return model;
    }
    const { engine } = sending.transaction.begun;
    if (isBuiltIn(engine, name)) {
      return wrapMember(sending, client, value, (args) => sending.forRaw(args));
    }
    return instance !== undefined && isOfOwnClass(engine, name)
      ? calledWithin(sending.transaction, instance, Reflect.get(instance, name))
      : wrapMember(sending, proxy, value);
  }
}

/** A member of the application's own class: what it does through `this` joins `transaction`. */
function calledWithin(transaction: HandlerTransaction, self: object, value: unknown): unknown {
  return isFunction(value)
    ? wrapMethod(value, (...args) => transaction.within(() => Reflect.apply(value, self, args)))
    : value;
}

function wrapModel(sending: Sending, model: object, parent: () => object): object {
  const members = new Members((_, value) => wrapMember(sending, proxy, value));
  const proxy: object = new Proxy(model, {
    get: (target, name) =>
      // The context that a method of an extension finds must be in this transaction too.
      name === "$parent" ? parent() : members.get(name, Reflect.get(target, name, target)),
  });
  return proxy;
}

function wrapMember(
  sending: Sending,
  self: object,
  value: unknown,
  sendingOf = (_args: readonly unknown[]): Sending => sending,
): unknown {
  if (!isFunction(value)) {
    return value;
  }
  return wrapMethod(value, (...args) => {
    const result = sending.call(() => Reflect.apply(value, self, args));
    // A method of an extension has called `self`, and returns what that has returned.
    return isLazy(result) && handlerStatementOf(result) === undefined
      ? wrapPromise(sendingOf(args), result)
      : result;
  });
}

/** Prisma's promises send their statement when they are first awaited, and once. */
function wrapPromise(sending: Sending, promise: PrismaPromise): object {
  let running: Promise<unknown> | undefined;
  return new Proxy(promise, {
    get: (target, name) => {
      if (name === OF_TRANSACTION) {
        return {
          transaction: sending.transaction,
          send: () => sending.startAnew(target),
        } satisfies HandlerStatement;
      }
      if (name === "requestTransaction") {
        // Called when the promise is part of a batch of Prisma's.
        return async () => {
          throw sending.transaction.errorElsewhere();
        };
      }
      if (name === "then" || name === "catch" || name === "finally") {
        return (...args: unknown[]): unknown => {
          running ??= sending.start(target);
          return (running as unknown as Record<typeof name, (...args: unknown[]) => unknown>)[name](...args);
        };
      }
      return wrapMember(sending, target, Reflect.get(target, name, target));
    },
  });
}
