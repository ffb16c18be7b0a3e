const warnedOf = new Set<string>();
const WARNED_MAX = 1_000;

/** Says, once for each operation, that its record shows a handler which has ended its transaction itself. */
export function warnOfCommitted(operation: string): void {
  if (warnedOf.has(operation) || warnedOf.size === WARNED_MAX) {
    return;
  }
  warnedOf.add(operation);
  process.emitWarning(
    `A record of ${operation} was committed in progress, which no run does: most likely its handler has sent a COMMIT of its own, ` +
      "and what it had written is committed too. It is executed again. Leave COMMIT and ROLLBACK to the run.",
    { type: "OnceonlyWarning", code: "ONCEONLY_COMMITTED" },
  );
}
