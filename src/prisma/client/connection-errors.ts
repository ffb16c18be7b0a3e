/** What the pool of `pg`, and one made after it, has. */
interface Emitter {
  on(event: string, listener: (connection: unknown) => void): unknown;
}

/**
 * Keeps the error of a connection from ending the process. The pool of `pg` listens to its connections while they are idle, and an adapter
 * to one that it was lent. In between nobody does: a server that goes down may tell so in the very packet that says that a new connection is ready,
 * and an error event that nobody listens to is thrown (https://nodejs.org/api/events.html#error-events). Whoever uses such a connection next is
 * told.
 */
export function hearConnectionErrors(adapter: { underlyingDriver?(): unknown }): void {
  const pool = adapter.underlyingDriver?.();
  if (isEmitter(pool)) {
    pool.on("connect", (connection) => {
      if (isEmitter(connection)) {
        connection.on("error", () => {});
      }
    });
  }
}

const isEmitter = (value: unknown): value is Emitter =>
  typeof value === "object" && value !== null && "on" in value && typeof value.on === "function";
