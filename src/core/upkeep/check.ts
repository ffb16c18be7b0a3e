import { IdempotencyError } from "../contract/errors/errors.ts";
import type { CheckedLimits, Store } from "../contract/store.ts";
import type { Finding } from "../contract/upkeep/finding.ts";
import { pastConflicts } from "../retry/past-conflicts.ts";

const OPERATION = "check";

/** Has the store look at its set-up, and throws what is fatal. */
export async function check(store: Store<unknown>, limits: CheckedLimits): Promise<readonly Finding[]> {
  const findings = await pastConflicts(store, OPERATION, () => store.check(limits));
  const fatal = findings.filter(({ severity }) => severity === "fatal");
  if (fatal.length > 0) {
    const reasons = fatal.map(({ subject, message }) => `${subject}: ${message}`).join(" ");
    throw new IdempotencyError("STORE_MISCONFIGURED", `The idempotency store cannot work. ${reasons}`, {
      operation: OPERATION,
      findings,
    });
  }
  return findings;
}
