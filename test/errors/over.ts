/** `object`, with some properties of its own in place of the object's. */
export const over = <O extends object>(object: O, own: Partial<O>): O =>
  new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
