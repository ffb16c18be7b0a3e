import { JOINS_ITSELF } from "../../core/contract/client-kind.ts";
import { describedBy, standingFor } from "../client/private-members.ts";
import type { ExtensibleClient } from "../handler/joined-client.ts";
import { type AnyFunction, isBuiltIn, isFunction, isModel } from "../handler/members.ts";
import type { OwnClassInstance } from "../handler/own-class.ts";
import { OWN_CLASS } from "../handler/shared-symbols.ts";

/**
 * Has an instance of the application's own class join by itself. The methods of the class can have no other `this`, since
 * `#private` members are on the instance alone.
 *
 * `ambientOf` makes the ambient client that its members are taken from.
 */
export function joinItself(
  instance: ExtensibleClient,
  engine: object,
  ambientOf: (own: OwnClassInstance) => object,
): void {
  const made = new Map(joiningNames(instance, engine).map((name) => [name, memberOf(instance, name)]));
  const own = { instance, base: asMade(instance, made) };
  const ambient = ambientOf(own);
  Object.defineProperty(engine, OWN_CLASS, { value: own });
  Object.defineProperty(instance, JOINS_ITSELF, { value: instance });
  for (const [name, member] of made) {
    // Prisma puts it on the engine, from where clients derived from the instance inherit methods, but not models.
    Object.defineProperty(instance, name, {
      configurable: true,
      ...(isFunction(member)
        ? { writable: true, value: standingFor(member, joiningMethod(own, name, member, ambient)) }
        : { enumerable: true, get: () => memberOf(ambient, name) }),
    });
  }
}

const memberOf = (client: object, name: string): unknown => Reflect.get(client, name);

/** Of its models, and of Prisma's methods that send statements or derive clients. */
function joiningNames(instance: ExtensibleClient, engine: object): string[] {
  const models = Object.keys(describedBy(engine).models ?? {});
  const names = models.flatMap((name) => [name, name.charAt(0).toLowerCase() + name.slice(1)]);
  return [
    ...names.filter((name) => isModel(memberOf(instance, name))),
    ...METHODS.filter((name) => isBuiltIn(engine, name) && isFunction(memberOf(instance, name))),
  ];
}

const METHODS = [
  "$extends",
  "$transaction",
  "$queryRaw",
  "$queryRawUnsafe",
  "$queryRawTyped",
  "$executeRaw",
  "$executeRawUnsafe",
];

function joiningMethod(
  { instance }: OwnClassInstance,
  name: string,
  method: AnyFunction,
  ambient: object,
): AnyFunction {
  return function (this: unknown, ...args: unknown[]) {
    return this === instance
      ? Reflect.apply(memberOf(ambient, name) as AnyFunction, ambient, args)
      : Reflect.apply(method, this, args);
  };
}

function asMade(instance: ExtensibleClient, made: ReadonlyMap<string, unknown>): ExtensibleClient {
  const members = new Map<PropertyKey, unknown>();
  for (const [name, member] of made) {
    // The class may have a method of that name too, which uses `#private` members.
    members.set(
      name,
      isFunction(member) ? (...args: unknown[]) => Reflect.apply(member, instance, args) : member,
    );
  }
  return new Proxy(instance, {
    get: (_, name) => members.get(name) ?? (Reflect.get(instance, name) as unknown),
  });
}
