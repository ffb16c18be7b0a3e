/** What finds the client of Prisma's under what an application has put around it, or assigned to it. */
/* oxlint-disable no-underscore-dangle -- the names are Prisma's */
import { engineOf } from "./private-members.ts";

type AnyFunction = (...args: never[]) => unknown;

/** The client that the application got from `new PrismaClient`: Prisma makes it its own parent. */
export function rootOf(engine: object): object | undefined {
  return (engine as { readonly _appliedParent?: object })._appliedParent;
}

/** The names that were assigned to a client, or defined on one, over its models and methods; and some fields of Prisma's. */
export function assignedNamesOf(client: object): readonly string[] {
  const raw = rawOf(client);
  return raw === undefined ? [] : Object.getOwnPropertyNames(raw);
}

/** The client without its models, on which Prisma keeps what is assigned to it. What wraps a client passes it through. */
function rawOf(client: object): object | undefined {
  const engine = engineOf(client);
  if (!rawSymbols.has(engine)) {
    const root = rootOf(engine) ?? engine;
    const holds = (name: string | symbol) => typeof name === "symbol" && Reflect.get(root, name) === engine;
    rawSymbols.set(engine, Reflect.ownKeys(root).find(holds));
  }
  const symbol = rawSymbols.get(engine);
  return symbol === undefined ? undefined : (Reflect.get(client, symbol) as object | undefined);
}

/** By engine: each copy of Prisma has its own, and it has no name. */
const rawSymbols = new WeakMap<object, string | symbol | undefined>();

/** A client of Prisma's like the one underneath `client`, past what wraps that and what was assigned to it. */
export function likeOf(client: object): object {
  const { $extends: derive } = engineOf(client) as { readonly $extends: AnyFunction };
  return Reflect.apply(derive, client, [{}] as never[]) as object;
}

/** Whether a model, of whose methods `method` is Prisma's, is that of the client underneath `client`, and not of one with other extensions. */
export function sendsThrough(model: object, method: string, client: object): boolean {
  const engine = engineOf(client) as { _createPrismaPromise?: unknown };
  const { _createPrismaPromise: create } = engine;
  const senders: unknown[] = [];
  // Called by a method of a model on its client, before anything is sent.
  engine._createPrismaPromise = function (this: unknown) {
    senders.push(this);
  };
  try {
    (model as Readonly<Record<string, () => unknown>>)[method]?.();
  } finally {
    engine._createPrismaPromise = create;
  }
  return senders.length === 1 && senders[0] === rawOf(client);
}

/** Tells `onDerived` of each client that Prisma derives from one of `engine`. */
export function watchDerived(engine: object, onDerived: (client: object) => void): void {
  const { $extends: derive } = engine as {
    readonly $extends?: (this: unknown, extension: unknown) => object;
  };
  // One of the application's own may put a wrapper around what it derives.
  if (typeof derive !== "function" || !Function.prototype.toString.call(derive).includes("_appliedParent")) {
    return;
  }
  const $extends = function (this: unknown, extension: unknown): object {
    const derived = derive.call(this, extension);
    if (typeof extension !== "function") {
      onDerived(derived);
    }
    return derived;
  };
  Object.assign(engine, { $extends });
}
