import type { Store } from "../contract/store.ts";
import type { PreparedRun } from "../request/prepare.ts";

/**
 * Refuses a run inside the handler of another: it would commit by itself, whatever becomes of the other, and it would wait
 * for a second connection while the first is held (on SQLite, forever).
 *
 * @throws TypeError
 */
export function refuseNested(store: Store<unknown>, { operation }: Pick<PreparedRun, "operation">): void {
  const handler = store.runningHandler();
  if (handler !== undefined) {
    throw new TypeError(
      `onceonly: ${operation} was run inside the handler of ${handler.operation}, whose transaction is open, and could ` +
        "not commit together with it. Call its code directly, so that it is a part of that transaction; or make the " +
        "outer one a leased run, and call it in a step.",
    );
  }
}
