import type { RawClient } from "../client/client.ts";
import { transactionMethodOf } from "../client/private-members.ts";
import type { ExtensibleClient } from "./joined-client.ts";
import { OWN_CLASS } from "./shared-symbols.ts";

/** An instance of a class that the application has derived from `PrismaClient`, once it is ambient itself. */
export interface OwnClassInstance {
  /** As the application holds it, and as its methods know it as `this`. */
  readonly instance: ExtensibleClient;
  /** The same with the members that it was made with, which do not join. */
  readonly base: ExtensibleClient;
}

/** The ambient instance whose engine this is, if there is one. */
export function ownClassOf(engine: object): OwnClassInstance | undefined {
  return (engine as { readonly [OWN_CLASS]?: OwnClassInstance })[OWN_CLASS];
}

/** Whether the client is an instance of a class that the application has derived from Prisma's. */
export function hasOwnClass(engine: object): boolean {
  return Object.getPrototypeOf(engine) !== prismasPrototype(engine);
}

/** Whether a member of a client comes from that class. */
export function isOfOwnClass(engine: object, name: PropertyKey): boolean {
  return (
    hasOwnClass(engine) &&
    Reflect.has(engine, name) &&
    !Reflect.has(prismasPrototype(engine), name) &&
    !(Object.hasOwn(engine, name) && /^[_$]/.test(String(name)))
  );
}

/** Whether `$transaction` is Prisma's own, which begins one transaction: not one of an extension or of the application's class. */
export function hasPrismasTransaction(client: object, engine: object): boolean {
  const { $transaction: prismas } = prismasPrototype(engine) as { readonly $transaction?: unknown };
  return [client, engine].every((one) => transactionMethodOf(one) === prismas);
}

/**
 * Sends raw statements through `client`, a client of `engine` or a transaction of one, by Prisma's own methods: the
 * application's class, or a wrapper that it has put around the client, may forbid raw SQL to the application. By the client's
 * own if Prisma should have them elsewhere.
 */
export function pastOverrides(engine: object, client: RawClient): RawClient {
  const prismas = prismasPrototype(engine);
  const methodOf = (name: keyof RawClient) =>
    Reflect.get(Reflect.has(prismas, name) ? prismas : client, name) as (
      ...args: readonly unknown[]
    ) => PromiseLike<never>;
  return {
    $queryRawUnsafe: (...args) => methodOf("$queryRawUnsafe").apply(client, args),
    $executeRawUnsafe: (...args) => methodOf("$executeRawUnsafe").apply(client, args),
  };
}

/** The prototype that is followed by that of all objects only: Prisma's class is derived from no other. */
function prismasPrototype(engine: object): object {
  let prototype = Object.getPrototypeOf(engine) as object;
  let next = Object.getPrototypeOf(prototype) as object | null;
  while (next !== null && Object.getPrototypeOf(next) !== null) {
    prototype = next;
    next = Object.getPrototypeOf(prototype) as object | null;
  }
  return prototype;
}
