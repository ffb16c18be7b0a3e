import type { AnyTRPCRouter } from "@trpc/server";
import type { IdempotencyPolicy } from "./policy.ts";
import { mutationsOf, type ProcedureInfo } from "./procedures.ts";

/** A mutation and how it is protected: `"unprotected"` is one that nobody decided about. */
export interface AuditedMutation {
  readonly path: string;
  readonly policy: IdempotencyPolicy | "unprotected";
}

/**
 * Lists the mutations of a router with their policies, in the order of their definition, for a start-up check or a
 * test that none is forgotten. Lazy routers are loaded. A mutation without the middleware whose meta says `"off"`
 * counts as decided.
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
