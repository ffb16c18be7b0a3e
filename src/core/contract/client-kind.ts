/** How a client of Prisma's looks to those who know no Prisma. */

/** On an ambient client that has `$transaction` in handlers too, as it is the application's own instance: itself. */
export const JOINS_ITSELF: unique symbol = Symbol.for("onceonly.joins-itself.1") as never;

/** Whether it is a client of Prisma's. Its transactions have no `$connect`, unless they are ours. */
export function isClient(value: unknown): value is object {
  const { $transaction, $connect } = (value ?? {}) as Record<string, unknown>;
  return typeof value === "object" && typeof $transaction === "function" && typeof $connect === "function";
}

/**
 * Whether it is a client that is in no transaction, when asked inside a handler. Clients in one show no `$transaction`, and
 * neither do ambient clients there.
 */
export function isOutside(value: unknown): boolean {
  // What was derived from such an instance inherits the symbol.
  return (
    isClient(value) &&
    "$transaction" in value &&
    (value as { readonly [JOINS_ITSELF]?: object })[JOINS_ITSELF] !== value
  );
}
