import { misuse } from "../../core/misuse.ts";
import { checkClient, type PrismaClientLike } from "../client.ts";
import { engineOf, isExtended } from "../internals.ts";
import { type GuardMode, guardClient } from "./guard.ts";
import { boundClient, gatedClient } from "./handler-client.ts";
import { type ExtensibleClient, joinedClient } from "./joined-client.ts";
import type { LentTransaction } from "./lent-transaction.ts";
import { type AnyFunction, isFunction, isModel, isPrismas, Members, methodBy } from "./members.ts";
import { lentOf } from "./scope.ts";

/** Options of {@link withAmbientTransaction}. */
export interface AmbientOptions {
  /**
   * As option `guard` of `createIdempotency`: for all clients that share the connections of this one. Of several that are
   * given, the last one counts.
   */
  readonly guard?: GuardMode;
}

/**
 * The client `prisma`, for code that imports one instead of being given `tx`: inside the handler of a run, at any depth
 * of calls, all that it does is done on the transaction of that handler; outside of one it is `prisma` itself.
 *
 * A `$transaction` inside a handler, of an array or a function, is a savepoint of the handler's transaction. In a leased
 * run the client joins inside `transaction(name, fn)`. What still runs when its handler has ended gets an error instead
 * of writing elsewhere. Clients extended from this one (`$extends`) join as well.
 *
 * @remarks **Warning**: a handler's transaction is one connection. Statements that are sent at a time, as by
 * `Promise.all`, are executed one after the other.
 * @returns a client of the same type; `prisma` itself if it is such a client already.
 * @throws TypeError for anything but a generated client, and for options that cannot be used.
 * @see docs/guides/ambient.md
 */
export function withAmbientTransaction<TClient extends PrismaClientLike>(
  prisma: TClient,
  options: AmbientOptions = {},
): TClient {
  checkClient("(the first argument)", prisma);
  if (typeof options !== "object" || options === null) {
    throw misuse("(the second argument)", options, 'an object such as { guard: "throw" }');
  }
  guardClient(prisma, options.guard);
  return baseOf(prisma) === prisma
    ? (ambientClient(prisma as unknown as ExtensibleClient, engineOf(prisma)) as unknown as TClient)
    : prisma;
}

/** The client under an ambient one; any other itself. */
export function baseOf<TClient extends PrismaClientLike>(client: TClient): TClient {
  return ((client as Based)[BASE] as TClient | undefined) ?? client;
}

// Two copies of this package in one process do not share a symbol unless it is registered.
const BASE: unique symbol = Symbol.for("onceonly.base") as never;

interface Based {
  readonly [BASE]?: unknown;
}

/** Chooses at each access: inside a handler, what joins it, and else `base`, which costs no extension. */
function ambientClient(base: ExtensibleClient, engine: object): ExtensibleClient {
  const isPlain = !isExtended(base);
  let joined: ExtensibleClient | undefined;
  const bound = new WeakMap<LentTransaction, object>();
  const insideOf = (lent: LentTransaction): object => {
    const known = bound.get(lent);
    if (known !== undefined) {
      return known;
    }
    // Without extensions on either side the transaction client does, and quicker.
    const { tx, raw } = lent.begun;
    const client =
      isPlain && tx === raw
        ? gatedClient(lent, tx)
        : boundClient(lent, (joined ??= joinedClient(base, engine)));
    bound.set(lent, client);
    return client;
  };
  const current = (): object => {
    const lent = lentOf(engine);
    return lent === undefined ? base : insideOf(lent);
  };
  /** Outside of handlers `ofBase`, and else the member of that name inside. */
  const lateBound = (name: PropertyKey, ofBase: AnyFunction): AnyFunction =>
    methodBy(ofBase, (...args) => {
      const client = current();
      const method = client === base ? ofBase : (Reflect.get(client, name) as AnyFunction);
      return Reflect.apply(method, client, args);
    });
  const methodOf = (name: PropertyKey, method: AnyFunction): AnyFunction => {
    if (name === "$extends") {
      return methodBy(method, (extension) =>
        isFunction(extension) ? extension(ambient) : ambientClient(base.$extends(extension), engine),
      );
    }
    if (name === "$on") {
      return methodBy(method, (...args) => {
        Reflect.apply(method, base, args);
        return ambient;
      });
    }
    if (!isPrismas(engine, name)) {
      // Of an extension. What it does by its client joins, also in a run that it starts itself.
      return methodBy(method, (...args) => Reflect.apply(method, ambient, args));
    }
    if (/^(_|\$(connect|disconnect)$)/.test(String(name))) {
      // About the connections, or private: the same inside of handlers and outside.
      return methodBy(method, (...args) => Reflect.apply(method, base, args));
    }
    // What has no $ is of every object, as `constructor` is.
    return String(name).startsWith("$") ? lateBound(name, method) : method;
  };
  const memberOf = (name: PropertyKey, value: unknown): unknown => {
    if (name === "$parent") {
      return ambient;
    }
    if (isModel(value)) {
      return ambientModel(value, ambient, () => {
        const client = current();
        return client === base ? value : (Reflect.get(client, name) as object);
      });
    }
    return isFunction(value) ? methodOf(name, value) : value;
  };
  const members = new Members(memberOf);
  const ambient: ExtensibleClient = new Proxy(base, {
    get: (_, name) => (name === BASE ? base : members.get(name, Reflect.get(base, name))),
  });
  return ambient;
}

/** May be kept, as its methods may: which model it stands for is asked at each use. */
function ambientModel(model: object, client: object, current: () => object): object {
  const members = new Members((name, value) => {
    if (name === "$parent") {
      return client;
    }
    if (!isFunction(value)) {
      return value;
    }
    return methodBy(value, (...args) => {
      const target = current();
      return target === model
        ? Reflect.apply(value, proxy, args)
        : Reflect.apply(Reflect.get(target, name) as AnyFunction, target, args);
    });
  });
  const proxy: object = new Proxy(model, {
    get: (_, name) => members.get(name, Reflect.get(model, name)),
  });
  return proxy;
}
