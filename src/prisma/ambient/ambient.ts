import { misuse } from "../../core/browser/option-checks.ts";
import { checkClient, type PrismaClientLike } from "../client/client.ts";
import { engineOf, extensionsOf, isExtended } from "../client/private-members.ts";
import { type GuardMode, guardClient } from "../guard/guard.ts";
import type { HandlerTransaction } from "../handler/handler-transaction.ts";
import type { ExtensibleClient } from "../handler/joined-client.ts";
import { JoiningClient, parentOf, prepareToJoin } from "../handler/joining-client.ts";
import { type AnyFunction, isBuiltIn, isFunction, isModel, Members, wrapMethod } from "../handler/members.ts";
import { hasOwnClass, ownClassOf } from "../handler/own-class.ts";
import { handlerTransactionOf } from "../handler/scope.ts";
import { AMBIENT, BASE } from "../handler/shared-symbols.ts";
import { joinItself } from "./join-itself.ts";

/** Options of {@link withAmbientTransaction}. */
export interface AmbientOptions {
  /**
   * As option `guard` of `createIdempotency`. Applies to all clients that share the connections of this one; the value
   * given last wins.
   */
  readonly guard?: GuardMode;
}

/**
 * The client `prisma`, for code that imports a client instead of being given `tx`. Inside the handler of a run, at any
 * depth of calls, everything it does runs in that handler's transaction. Outside of handlers it is `prisma` itself.
 *
 * Inside a handler, `$transaction` with an array or a function is a savepoint of the handler's transaction. In a leased
 * run the client joins inside `transaction(name, fn)`. Work that outlives its handler gets an error instead of writing
 * elsewhere. Clients extended from this one (`$extends`) join as well.
 *
 * @remarks **Warning**: a handler's transaction is one connection. Statements sent concurrently, as by `Promise.all`, are
 * executed one after the other.
 * @returns a client of the same type. It is `prisma` itself if that is ambient already, or an instance of a class that you have
 * derived from `PrismaClient`: such an instance joins itself, so that its methods, whose `this` it is, do.
 * @throws TypeError if `prisma` is not a generated client or is in a wrapper that cannot join, or an option is invalid.
 * @see docs/guides/ambient.md
 */
export function withAmbientTransaction<TClient extends PrismaClientLike>(
  prisma: TClient,
  options: AmbientOptions = {},
): TClient {
  checkClient(FIRST_ARGUMENT, prisma);
  if (typeof options !== "object" || options === null) {
    throw misuse("(the second argument)", options, 'an object such as { guard: "throw" }');
  }
  guardClient(prisma, options.guard);
  if (isAmbient(prisma)) {
    return prisma;
  }
  prepareToJoin(FIRST_ARGUMENT, prisma);
  const client = prisma as unknown as ExtensibleClient;
  const engine = engineOf(prisma);
  if (hasOwnClass(engine) && !isExtended(prisma)) {
    joinItself(client, engine, ({ base, instance }) => ambientClient(base, engine, instance));
    return prisma;
  }
  return ambientClient(client, engine) as unknown as TClient;
}

const FIRST_ARGUMENT = "(the first argument)";

/** Also what wraps an ambient client, as it joins by that. */
function isAmbient(client: object): boolean {
  const isOwn = !isExtended(client) && ownClassOf(engineOf(client)) !== undefined;
  return isOwn || (client as { readonly [BASE]?: object })[BASE] !== undefined;
}

/**
 * Chooses at each access: inside a handler the client that joins it, otherwise `base`, at the cost of no extension.
 *
 * `instance` is what the application uses in place of the client returned: an instance of its own class.
 */
function ambientClient(
  base: ExtensibleClient,
  engine: object,
  instance?: ExtensibleClient,
): ExtensibleClient {
  const current = currentClient(base, engine);
  /** Calls `ofBase` outside of handlers, and the method of that name inside. */
  const lateBound = (name: PropertyKey, ofBase: AnyFunction): AnyFunction =>
    wrapMethod(ofBase, (...args) => {
      const client = current();
      const method = client === base ? ofBase : (Reflect.get(client, name) as AnyFunction);
      return Reflect.apply(method, client, args);
    });
  const methodOf = (name: PropertyKey, method: AnyFunction): AnyFunction => {
    if (name === "$extends") {
      return wrapMethod(method, (extension) =>
        isFunction(extension) ? extension(self) : ambientClient(base.$extends(extension), engine),
      );
    }
    if (name === "$on") {
      return wrapMethod(method, (...args) => {
        Reflect.apply(method, base, args);
        return self;
      });
    }
    if (!isBuiltIn(engine, name)) {
      // The application's own. What it does through its client joins, also in a run that it starts itself.
      return wrapMethod(method, (...args) => Reflect.apply(method, self, args));
    }
    if (/^(_|\$(connect|disconnect)$)/.test(String(name))) {
      // Private, or about the connections: the same inside handlers and outside.
      return wrapMethod(method, (...args) => Reflect.apply(method, base, args));
    }
    // Names without $ are those of every object, such as `constructor`.
    return String(name).startsWith("$") ? lateBound(name, method) : method;
  };
  const parentNow = ambientParent(base, engine, () => self);
  const memberOf = (name: PropertyKey, value: unknown): unknown => {
    if (isModel(value)) {
      return ambientModel(value, parentNow, () => {
        const client = current();
        return client === base ? value : (Reflect.get(client, name) as object);
      });
    }
    return isFunction(value) ? methodOf(name, value) : value;
  };
  const members = new Members(memberOf);
  const ambient: ExtensibleClient = new Proxy(base, {
    get: (_, name) => {
      if (name === BASE || name === AMBIENT) {
        return name === BASE ? base : ambient;
      }
      return name === "$parent" ? parentNow() : members.get(name, Reflect.get(base, name));
    },
    // Extensions take what has no `$transaction` for a transaction client, and stay with it.
    has: (_, name) => Reflect.has(current(), name),
  });
  const self = instance ?? ambient;
  return ambient;
}

/** Gives the ambient client of the one that `base` was derived from, or `self` where it was not derived. */
function ambientParent(base: ExtensibleClient, engine: object, self: () => object): () => object {
  const made = new WeakMap<object, object>();
  return () => {
    const parent = parentOf(base);
    if (parent === undefined) {
      return self();
    }
    const ambient =
      made.get(parent) ?? (isAmbient(parent) ? parent : ambientClient(parent as ExtensibleClient, engine));
    made.set(parent, ambient);
    return ambient;
  };
}

/** Gives `base`, or the client that joins the handler which the caller is in. */
function currentClient(base: ExtensibleClient, engine: object): () => object {
  const joining = new JoiningClient(base);
  const bound = new WeakMap<HandlerTransaction, { readonly extensions: unknown; readonly client: object }>();
  return () => {
    const transaction = handlerTransactionOf(engine);
    if (transaction === undefined) {
      return base;
    }
    const extensions = extensionsOf(base);
    const known = bound.get(transaction);
    if (known !== undefined && known.extensions === extensions) {
      return known.client;
    }
    const client = joining.in(transaction, FIRST_ARGUMENT);
    bound.set(transaction, { extensions, client });
    return client;
  };
}

/** May be kept, and so may its methods: each call asks anew which client's model to use. */
function ambientModel(model: object, parent: () => object, current: () => object): object {
  const members = new Members((name, value) => {
    if (!isFunction(value)) {
      return value;
    }
    return wrapMethod(value, (...args) => {
      const target = current();
      return target === model
        ? Reflect.apply(value, proxy, args)
        : Reflect.apply(Reflect.get(target, name) as AnyFunction, target, args);
    });
  });
  const proxy: object = new Proxy(model, {
    get: (_, name) => (name === "$parent" ? parent() : members.get(name, Reflect.get(model, name))),
  });
  return proxy;
}
