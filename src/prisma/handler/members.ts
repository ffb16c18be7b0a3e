/** What the properties of a client are: models, Prisma's own methods, and what extensions add, which may be anything. */

export type AnyFunction = (...args: unknown[]) => unknown;

export function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** Whether it is a model of a client. */
export function isModel(value: unknown): value is object {
  return typeof value === "object" && value !== null && "$name" in value;
}

/** Whether a method of a client is Prisma's own, and none of an extension. `engine` is the client without extensions. */
export function isPrismas(engine: object, name: PropertyKey): boolean {
  return Reflect.has(engine, name);
}

/** A method that does `call` when it is called. To whoever looks at it it is `method`: a class, a mock, a function that has properties. */
export function methodBy(method: AnyFunction, call: AnyFunction): AnyFunction {
  return new Proxy(method, {
    // The name is how the guard tells this frame from the application's.
    apply: function viaOnceonly(_method, _self, args) {
      return call(...(args as unknown[]));
    },
  });
}

/** Members by name, each made once, and again where a test has put a mock in the place of what it is made of. */
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
