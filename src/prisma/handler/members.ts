/** The properties of a client: models, Prisma's own methods, and what extensions add, which may be anything. */

export type AnyFunction = (...args: unknown[]) => unknown;

export function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** Whether a property of a client is a model. */
export function isModel(value: unknown): value is object {
  return typeof value === "object" && value !== null && "$name" in value;
}

/** Whether a member of a client is Prisma's own rather than the application's. `engine` is the client without extensions. */
export function isBuiltIn(engine: object, name: PropertyKey): boolean {
  return Reflect.has(engine, name) && !isOfOwnClass(engine, name);
}

/** Whether the client is an instance of a class that the application has derived from Prisma's. */
export function hasOwnClass(engine: object): boolean {
  return Object.getPrototypeOf(engine) !== prismasPrototype(engine);
}

/** Whether a member of a client comes from that class. */
export function isOfOwnClass(engine: object, name: PropertyKey): boolean {
  const isPrismas =
    Reflect.has(prismasPrototype(engine), name) ||
    (Object.hasOwn(engine, name) && /^[_$]/.test(String(name)));
  return hasOwnClass(engine) && Reflect.has(engine, name) && !isPrismas;
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

/** Calls `call` when called. In every other respect it is `method`, which may be a class, a mock or have properties. */
export function wrapMethod(method: AnyFunction, call: AnyFunction): AnyFunction {
  return new Proxy(method, {
    // The name is how the guard tells this frame from the application's.
    apply: function viaOnceonly(_method, _self, args) {
      return call(...(args as unknown[]));
    },
  });
}

/** Members by name. Each is made once, and again if what it is made of has been replaced, for example by a mock. */
export class Members {
  readonly #make: (name: PropertyKey, value: unknown) => unknown;
  readonly #made: Map<PropertyKey, { readonly value: unknown; readonly member: unknown }> = new Map();

  constructor(make: (name: PropertyKey, value: unknown) => unknown) {
    this.#make = make;
  }

  get(name: PropertyKey, value: unknown): unknown {
    const known = this.#made.get(name);
    if (known !== undefined && known.value === value) {
      return known.member;
    }
    const member = this.#make(name, value);
    this.#made.set(name, { value, member });
    return member;
  }
}
