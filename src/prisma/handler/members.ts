/** The properties of a client: models, Prisma's own methods, and what extensions add, which may be anything. */
import { isOfOwnClass } from "./own-class.ts";

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
