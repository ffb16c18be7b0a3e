import type { RunContext, UnkeyedContext } from "../core/idempotency.ts";

/** What resolvers find as `context.idempotency`. Without a key, only `afterCommit` is there. */
export type MutationIdempotency =
  | Omit<RunContext<unknown>, "tx">
  | ({ readonly key?: undefined } & Omit<UnkeyedContext<unknown>, "tx">);

const occupied = new WeakSet<object>();

/**
 * Works with the transaction on the context, as the property `provide`, and puts back what was there.
 *
 * The context stays the same object: caches are keyed by it, and in a batch it inherits what a copy would lose.
 */
export async function withProvided<T>(
  context: object,
  provide: string,
  { tx, ...idempotency }: RunContext<unknown> | UnkeyedContext<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  if (occupied.has(context)) {
    // Going on would write one request's changes in the transaction of another.
    throw new Error(
      "onceonly: two mutations run at a time on one context object; give each request its own.",
    );
  }
  occupied.add(context);
  const before = { [provide]: propertyOf(context, provide), idempotency: propertyOf(context, "idempotency") };
  try {
    define(context, { [provide]: tx, idempotency });
    return await work();
  } finally {
    restore(context, before);
    occupied.delete(context);
  }
}

/** Whether resolvers find something under `provide` without our doing. */
export function alreadyProvides(context: object, provide: string): boolean {
  return (context as Record<string, unknown>)[provide] !== undefined;
}

function propertyOf(context: object, name: string): PropertyDescriptor | undefined {
  return Object.getOwnPropertyDescriptor(context, name);
}

/** Not by assignment, as the property may be an accessor of a class. */
function define(context: object, values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(context, name, { value, configurable: true, enumerable: true, writable: true });
  }
}

function restore(context: object, before: Record<string, PropertyDescriptor | undefined>): void {
  for (const [name, descriptor] of Object.entries(before)) {
    if (descriptor === undefined) {
      Reflect.deleteProperty(context, name);
    } else {
      Object.defineProperty(context, name, descriptor);
    }
  }
}
