import { warnOnce } from "../contract/warn-once.ts";

/** Says, once for each operation, that its record shows a handler which has ended its transaction itself. */
export function warnOfCommitted(operation: string): void {
  warnOnce(
    "ONCEONLY_COMMITTED",
    operation,
    `A record of ${operation} was committed in progress, which no run does: most likely its handler has sent a COMMIT of its own, ` +
      "and what it had written is committed too. It is executed again. Leave COMMIT and ROLLBACK to the run.",
  );
}
