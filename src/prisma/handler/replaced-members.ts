import { describedBy, engineOf, extensionsOf, isExtended } from "../client/private-members.ts";
import { assignedNamesOf, likeOf, rootOf, sendsThrough, watchDerived } from "../client/underneath.ts";
import { isFunction, isModel } from "./members.ts";
import { ownClassOf } from "./own-class.ts";
import { AMBIENT, DERIVED } from "./shared-symbols.ts";

type DerivedClients = WeakMap<object, object>;

/** Remembers what Prisma derives from now on from a client of `engine`, so that a wrapper around it is known at once. */
export function rememberDerived(engine: { readonly [DERIVED]?: DerivedClients }): void {
  if (engine[DERIVED] !== undefined) {
    return;
  }
  const derived: DerivedClients = new WeakMap();
  Object.defineProperty(engine, DERIVED, { value: derived });
  watchDerived(engine, (client) => {
    const extensions = extensionsOf(client);
    if (extensions !== undefined) {
      derived.set(extensions, client);
    }
  });
}

/**
 * The members of a client that are not those of the client of Prisma's found underneath: a wrapper's, or some that were
 * assigned. What joins a transaction is made of the client underneath and would lack them, and with them a tenant's filter.
 *
 * Methods that are all bound count as Prisma's: a client made at its first use is often such a proxy.
 */
export function replacedMembersOf(client: object): readonly string[] {
  const genuine = genuineOf(client);
  if (client === genuine) {
    return assignedTo(client);
  }
  if (client === ownClassOf(engineOf(client))?.base) {
    return [];
  }
  return [...new Set([...replacedIn(client, genuine), ...assignedTo(client)])];
}

function replacedIn(client: object, genuine: object | undefined): readonly string[] {
  const key = genuine ?? extensionsOf(client) ?? client;
  const expected = known.get(key);
  // A wrapper may replace a member in some contexts only, so each call looks at all of them.
  if (expected !== undefined && replacedAmong(client, expected, isSame).length === 0) {
    return [];
  }
  const members = membersOf(genuine ?? likeOf(client));
  const replaced = replacedAmong(client, members, genuine === undefined ? isLikeUnder(client) : isSame);
  if (replaced.length === 0) {
    known.set(key, genuine === undefined ? withModelsOf(client, members) : members);
  }
  return replaced;
}

type Members = ReadonlyMap<string, unknown>;

/** What a client is expected to have that replaces nothing: by the client underneath, or by its extensions. */
const known = new WeakMap<object, Members>();

/** The client underneath, as the application got it from Prisma or from us; `undefined` if it was derived unseen. */
export function genuineOf(client: object): object | undefined {
  const { [AMBIENT]: ambient } = client as { readonly [AMBIENT]?: object };
  const engine = engineOf(client) as { readonly [DERIVED]?: DerivedClients };
  if (ambient !== undefined) {
    return ambient;
  }
  return isExtended(client)
    ? engine[DERIVED]?.get(extensionsOf(client) ?? engine)
    : (ownClassOf(engine)?.instance ?? rootOf(engine));
}

/** What was assigned to a client of Prisma's that is not ambient. An ambient instance has members of ours. */
function assignedTo(client: object): readonly string[] {
  const engine = engineOf(client);
  const isRoot = !isExtended(client);
  if (isRoot && ownClassOf(engine) !== undefined) {
    return [];
  }
  const assigned = assignedNamesOf(client).filter((name) => !name.startsWith("_") && name !== "$on");
  const models = describedBy(engine).models ?? {};
  // What is on the client of `new PrismaClient`, Prisma's transaction clients and derived clients inherit, but not models.
  return isRoot
    ? assigned.filter((name) => name in models || name.charAt(0).toUpperCase() + name.slice(1) in models)
    : assigned.length === 0
      ? assigned
      : membersIn(likeOf(client), assigned);
}

const membersIn = (client: object, names: readonly string[]) => names.filter((name) => name in client);

/** Those that send statements, and `$extends`. An application's class hides their names from `Reflect.ownKeys`. */
const METHODS = [
  "$extends",
  "$transaction",
  "$queryRaw",
  "$queryRawUnsafe",
  "$executeRaw",
  "$executeRawUnsafe",
];

/** What each client has of its own, and what is about its connections. */
const ABOUT_CONNECTIONS = new Set(["constructor", "$parent", "$on", "$connect", "$disconnect"]);

function namesOf(client: object): readonly string[] {
  const names = Reflect.ownKeys(client).filter((name) => typeof name === "string");
  return [...new Set([...METHODS, ...names])].filter(
    (name) => !name.startsWith("_") && !ABOUT_CONNECTIONS.has(name),
  );
}

/** Those that are the same at each access. */
function membersOf(client: object): Members {
  const named = namesOf(client).map((name) => [name, Reflect.get(client, name) as unknown] as const);
  return new Map(named.filter(([name, value]) => value === Reflect.get(client, name)));
}

function withModelsOf(client: object, members: Members): Members {
  return new Map(
    Array.from(
      members,
      ([name, value]) => [name, isModel(value) ? Reflect.get(client, name) : value] as const,
    ),
  );
}

type Comparison = (one: unknown, expected: unknown) => boolean;

const isSame: Comparison = (one, expected) => one === expected;

/** Compares with members of another client like the one underneath `client`. */
const isLikeUnder =
  (client: object): Comparison =>
  (one, expected) =>
    isModel(one) && isModel(expected) ? isModelUnder(client, one, expected) : one === expected;

function replacedAmong(client: object, expected: Members, isLike: Comparison): readonly string[] {
  const areBound = METHODS.every((name) => isBound(Reflect.get(client, name), expected.get(name)));
  return [...expected.keys()].filter((name) => {
    const one: unknown = Reflect.get(client, name);
    const other = expected.get(name);
    return !isLike(one, other) && !(areBound && isBound(one, other));
  });
}

function isBound(one: unknown, other: unknown): boolean {
  return isFunction(one) && isFunction(other) && one.name === `bound ${other.name}`;
}

/**
 * Whether `model` is of Prisma's code, as `prismas` is. Prisma makes most methods of a model anew at each access, so their
 * text is compared.
 */
export function isPrismasModel(model: object, prismas: object): boolean {
  const methods = Reflect.ownKeys(prismas).filter((name) => isFunction(Reflect.get(prismas, name)));
  return methods.every((name) => isSameCode(Reflect.get(model, name), Reflect.get(prismas, name)));
}

/** Whether `model` is that of the client underneath `client`, which is like the client of `like`. */
function isModelUnder(client: object, model: object, like: object): boolean {
  // Methods of extensions are the same functions in both, and may do anything when they are called.
  const isOwn = (name: string) => Reflect.get(model, name) !== Reflect.get(like, name);
  const method = ["findMany", "updateMany", "deleteMany", "createMany"].find(isOwn);
  return isPrismasModel(model, like) && (method === undefined || sendsThrough(model, method, client));
}

function isSameCode(one: unknown, other: unknown): boolean {
  if (one === other || !isFunction(one) || !isFunction(other)) {
    return one === other;
  }
  const text = Function.prototype.toString.call(one);
  return text === Function.prototype.toString.call(other) && !text.includes("[native code]");
}
