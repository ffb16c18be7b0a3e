import { DEFAULT_NAME, providedClient } from "../../core/adapter/provided-client.ts";
import type { LeaseContext, RunContext } from "../../core/contract/idempotency.ts";
import { inTransactionMode } from "../../core/contract/other-mode.ts";

/** What resolvers find as `context.idempotency`. `key` is `undefined` if a key is not required and none was sent. */
export interface MutationIdempotency extends Omit<RunContext<unknown, string | undefined>, "tx"> {}

/**
 * What resolvers find as `context.idempotency` in mode `lease`. Without a key, `key` is `undefined`: steps are then not
 * recorded, and derived keys are useful only within this execution.
 */
export interface LeasedMutationIdempotency<TTransaction = unknown>
  extends LeaseContext<TTransaction, string | undefined> {}

/** The properties that a context gets while a mutation executes. */
export type ProvidedTo = (context: object) => Readonly<Record<string, unknown>>;

/** Those of a mutation in a transaction. */
export function inTransaction(
  provide: string | undefined,
  { tx, ...idempotency }: RunContext<unknown, string | undefined>,
): ProvidedTo {
  return (context) => {
    const [name, client] = providedClient(provide, context, { tx, join: idempotency.join });
    return { [name]: client, idempotency: inTransactionMode(idempotency) };
  };
}

const occupied = new WeakSet<object>();

/**
 * Runs `work` with `provided` on the context, then puts back what was there, unless resolvers may still be running.
 *
 * The context stays the same object: caches are keyed by it, and in a batch it inherits what a copy would lose.
 */
export async function withProvided<T>(
  context: object,
  provided: ProvidedTo,
  work: () => Promise<T>,
  mayStillResolve: (result: T) => boolean,
): Promise<T> {
  takeBack(context);
  if (occupied.has(context)) {
    // Going on would write one request's changes in another's transaction.
    throw new Error(
      "onceonly: two mutations run at a time on one context object; give each request its own.",
    );
  }
  const properties = provided(context);
  occupied.add(context);
  const before = Object.fromEntries(
    Object.keys(properties).map((name) => [name, propertyOf(context, name)] as const),
  );
  let isLeft = false;
  try {
    define(context, properties);
    const result = await work();
    isLeft = mayStillResolve(result);
    return result;
  } finally {
    occupied.delete(context);
    if (isLeft) {
      leftOn.set(context, before);
    } else {
      restore(context, before);
    }
  }
}

/**
 * What a context held before a transaction or a lease that was left on it, closed. GraphQL answers as soon as a non-null
 * field fails, while its siblings go on: if they found the application's client again, they would write outside the
 * transaction or lease.
 */
const leftOn = new WeakMap<object, Record<string, PropertyDescriptor | undefined>>();

/** Puts back what the context held before an earlier mutation. */
function takeBack(context: object): void {
  const before = leftOn.get(context);
  if (before !== undefined) {
    leftOn.delete(context);
    restore(context, before);
  }
}

/** Whether resolvers find something under `provide` that we did not put there. */
export function alreadyProvides(context: object, provide: string = DEFAULT_NAME): boolean {
  takeBack(context);
  return (context as Record<string, unknown>)[provide] !== undefined;
}

function propertyOf(context: object, name: string): PropertyDescriptor | undefined {
  return Object.getOwnPropertyDescriptor(context, name);
}

/** Not by assignment, as the property may be an accessor of a class. */
function define(context: object, values: Readonly<Record<string, unknown>>): void {
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
