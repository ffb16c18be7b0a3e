import type { LentTransaction } from "./lent-transaction.ts";
import { nestedTransaction } from "./nested-transaction.ts";
import { isModelName, isPrismas } from "./operations.ts";
import { BOUND, isLazy, type PrismaPromise, sentIn } from "./prisma-promise.ts";

/**
 * The transaction client as the handler gets it: each statement asks the {@link LentTransaction} whether it may be sent.
 * Good for a client without extensions, whose code could send more than what is seen here.
 */
export function watchedClient<T extends object>(lent: LentTransaction, tx: T): T {
  return clientBy(new Watched(lent), tx);
}

/**
 * A joined client that belongs to one transaction, wherever it is used, and whenever its promises are awaited. It asks for
 * each statement by itself, behind all extensions.
 */
export function boundClient<T extends object>(lent: LentTransaction, joined: T): T {
  return clientBy(new Bound(lent), joined);
}

abstract class Way {
  readonly lent: LentTransaction;

  constructor(lent: LentTransaction) {
    this.lent = lent;
  }

  /** Calls a method. */
  abstract call<T>(work: () => T): T;
  /** Awaits a promise of Prisma's, which has it send its statement. */
  abstract start(promise: PrismaPromise): Promise<unknown>;
  /** The same for a nested transaction. */
  abstract into(child: LentTransaction): Way;
}

class Watched extends Way {
  call<T>(work: () => T): T {
    return work();
  }

  start(promise: PrismaPromise): Promise<unknown> {
    return this.lent.send(() => promise);
  }

  into(child: LentTransaction): Way {
    return new Watched(child);
  }
}

class Bound extends Way {
  call<T>(work: () => T): T {
    return this.lent.within(work);
  }

  start(promise: PrismaPromise): Promise<unknown> {
    return this.lent.within(() => sentIn(this.lent, promise));
  }

  into(child: LentTransaction): Way {
    return new Bound(child);
  }
}

function clientBy<T extends object>(way: Way, client: T): T {
  return new ClientMembers(way, client).proxy as T;
}

/** Raw queries stand on the client, all others on its models. */
class ClientMembers implements ProxyHandler<object> {
  readonly #way: Way;
  readonly #models: Map<PropertyKey, object> = new Map();
  readonly proxy: object;

  constructor(way: Way, client: object) {
    this.#way = way;
    this.proxy = new Proxy(client, this);
  }

  get(client: object, name: PropertyKey): unknown {
    const way = this.#way;
    const { proxy } = this;
    const value: unknown = Reflect.get(client, name, client);
    if (name === "$parent") {
      return proxy;
    }
    // Also where the transaction client has none, as in Prisma 6: the type of an ambient client has it.
    if (name === "$transaction") {
      return (work: unknown, options?: unknown) =>
        nestedTransaction(way.lent, (child) => clientBy(way.into(child), client), work, options);
    }
    if (typeof value !== "object" || value === null || !isModelName(name)) {
      return memberBy(way, isPrismas(name) ? client : proxy, value);
    }
    const model = this.#models.get(name) ?? modelBy(way, value, proxy);
    this.#models.set(name, model);
    return model;
  }
}

function modelBy(way: Way, model: object, client: object): object {
  const proxy: object = new Proxy(model, {
    // What a method of an extension finds as its context has to be of this transaction too.
    get: (target, name) =>
      name === "$parent" ? client : memberBy(way, proxy, Reflect.get(target, name, target)),
  });
  return proxy;
}

function memberBy(way: Way, self: object, value: unknown): unknown {
  if (typeof value !== "function") {
    return value;
  }
  return (...args: unknown[]): unknown => {
    const result = way.call((): unknown => value.apply(self, args));
    return isLazy(result) ? promiseBy(way, result) : result;
  };
}

/** Prisma's promises send their statement when they are first awaited, and once. */
function promiseBy(way: Way, promise: PrismaPromise): object {
  let running: Promise<unknown> | undefined;
  return new Proxy(promise, {
    get: (target, name) => {
      if (name === BOUND) {
        return true;
      }
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") {
        return value;
      }
      if (name === "then" || name === "catch" || name === "finally") {
        return (...args: unknown[]): unknown => {
          running ??= way.start(target);
          return (running as unknown as Record<typeof name, (...args: unknown[]) => unknown>)[name](...args);
        };
      }
      return memberBy(way, target, value);
    },
  });
}
