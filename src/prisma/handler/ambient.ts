import { checkClient, type PrismaClientLike } from "../client.ts";
import { engineOf, isExtended } from "../internals.ts";
import { type GuardMode, guardClient } from "./guard.ts";
import { boundClient, watchedClient } from "./handler-client.ts";
import { type ExtensibleClient, joinedClient } from "./joined-client.ts";
import type { LentTransaction } from "./lent-transaction.ts";
import { isModelName } from "./operations.ts";
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
  checkClient(prisma);
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
        ? watchedClient(lent, tx)
        : boundClient(lent, (joined ??= joinedClient(base, engine)));
    bound.set(lent, client);
    return client;
  };
  const current = (): object => {
    const lent = lentOf(engine);
    return lent === undefined ? base : insideOf(lent);
  };
  const members = new Map<PropertyKey, unknown>();

  const ambient: ExtensibleClient = new Proxy(base, {
    get(_, name) {
      if (name === BASE) {
        return base;
      }
      if (name === "$extends") {
        return (extension: unknown) =>
          typeof extension === "function"
            ? (extension as (client: unknown) => unknown)(ambient)
            : ambientClient(base.$extends(extension), engine);
      }
      const known = members.get(name);
      if (known !== undefined) {
        return known;
      }
      const value: unknown = Reflect.get(base, name);
      const member = memberOf(name, value);
      if (member !== value) {
        members.set(name, member);
      }
      return member;
    },
  });

  const memberOf = (name: PropertyKey, value: unknown): unknown => {
    if (name === "$on") {
      return (...args: unknown[]) => {
        (value as AnyFunction).apply(base, args);
        return ambient;
      };
    }
    if (typeof value === "function") {
      return /^(_|\$(connect|disconnect))/.test(String(name))
        ? (value.bind(base) as unknown)
        : lateBound(current, name);
    }
    const isModel = typeof value === "object" && value !== null && isModelName(name);
    return isModel
      ? ambientModel(value, () => {
          const client = current();
          return client === base ? value : (Reflect.get(client, name) as object);
        })
      : value;
  };
  return ambient;
}

type AnyFunction = (...args: unknown[]) => unknown;

/** May be kept, as its methods may: which client it stands for is asked at each use. */
function ambientModel(model: object, current: () => object): object {
  const methods = new Map<PropertyKey, unknown>();
  return new Proxy(model, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) {
        return known;
      }
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") {
        return value;
      }
      const method = lateBound(current, name);
      methods.set(name, method);
      return method;
    },
  });
}

function lateBound(current: () => object, name: PropertyKey): AnyFunction {
  // The name is how the guard tells this frame from the application's.
  return function viaAmbientClient(...args) {
    const target = current();
    return (Reflect.get(target, name) as AnyFunction).apply(target, args);
  };
}
