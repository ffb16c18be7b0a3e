import type { LentTransaction } from "./lent-transaction.ts";
import { isFunction, isModel, isPrismas, Members, methodBy } from "./members.ts";
import { nestedTransaction } from "./nested-transaction.ts";
import { isLazy, OF_TRANSACTION, type PrismaPromise, sentIn } from "./prisma-promise.ts";

/**
 * The transaction client as the handler gets it: each statement asks the {@link LentTransaction} whether it may be sent.
 * Good for a client without extensions, whose code could send more than what is seen here.
 */
export function gatedClient<T extends object>(lent: LentTransaction, tx: T): T {
  return clientBy(new Gated(lent), tx);
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

class Gated extends Way {
  call<T>(work: () => T): T {
    return work();
  }

  start(promise: PrismaPromise): Promise<unknown> {
    return this.lent.send(() => promise);
  }

  into(child: LentTransaction): Way {
    return new Gated(child);
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
    const known = this.#models.get(name);
    if (known !== undefined) {
      return known;
    }
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
    if (!isModel(value)) {
      return memberBy(way, isPrismas(way.lent.begun.engine, name) ? client : proxy, value);
    }
    const model = modelBy(way, value, proxy);
    this.#models.set(name, model);
    return model;
  }
}

function modelBy(way: Way, model: object, client: object): object {
  const members = new Members((name, value) =>
    // What a method of an extension finds as its context has to be of this transaction too.
    name === "$parent" ? client : memberBy(way, proxy, value),
  );
  const proxy: object = new Proxy(model, {
    get: (target, name) => members.get(name, Reflect.get(target, name, target)),
  });
  return proxy;
}

function memberBy(way: Way, self: object, value: unknown): unknown {
  if (!isFunction(value)) {
    return value;
  }
  return methodBy(value, (...args) => {
    const result = way.call(() => Reflect.apply(value, self, args));
    return isLazy(result) ? promiseBy(way, result) : result;
  });
}

/** Prisma's promises send their statement when they are first awaited, and once. */
function promiseBy(way: Way, promise: PrismaPromise): object {
  let running: Promise<unknown> | undefined;
  return new Proxy(promise, {
    get: (target, name) => {
      if (name === OF_TRANSACTION) {
        return true;
      }
      if (name === "requestTransaction") {
        // So Prisma takes it into a batch of its own, which is sent when all of it is there.
        return async () => {
          throw way.lent.errorElsewhere();
        };
      }
      if (name === "then" || name === "catch" || name === "finally") {
        return (...args: unknown[]): unknown => {
          running ??= way.start(target);
          return (running as unknown as Record<typeof name, (...args: unknown[]) => unknown>)[name](...args);
        };
      }
      return memberBy(way, target, Reflect.get(target, name, target));
    },
  });
}
