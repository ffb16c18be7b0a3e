import type { AnyTRPCRouter } from "@trpc/server";
import type { IdempotencyPolicy } from "./policy.ts";
import { mutationsOf, type ProcedureInfo } from "./procedures.ts";

/** A mutation and how it is protected: `"unprotected"` if nobody has decided. */
export interface AuditedMutation {
  readonly path: string;
  readonly policy: IdempotencyPolicy | "unprotected";
}

/**
 * Lists the mutations of a router with their policies, in definition order, for a start-up check or a test that none was
 * forgotten. Lazy routers are loaded. A mutation that lacks the middleware, but whose meta says `"off"`, counts as
 * decided.
 *
 * @throws TypeError for an unknown policy in a procedure's meta.
 */
export async function auditRouter(router: AnyTRPCRouter): Promise<readonly AuditedMutation[]> {
  const mutations = await mutationsOf(router);
  return mutations.map((mutation) => ({ path: mutation.path, policy: policyOf(mutation) }));
}

function policyOf({ settings, ownPolicy }: ProcedureInfo): AuditedMutation["policy"] {
  return settings === undefined
    ? ownPolicy === "off"
      ? ownPolicy
      : "unprotected"
    : (ownPolicy ?? settings.policy);
}
