import type { AnyTRPCRouter } from "@trpc/server";
import { mutationsOf, type ProcedureInfo } from "./procedures.ts";

/**
 * How a mutation is protected.
 *
 * - `"required"`: it needs a key.
 * - `"optional"`: it is executed once per key, and also without one.
 * - `"conditional"`: a function `requireKey` says for each call whether it needs a key.
 * - `"off"`: its meta says `idempotency: false`.
 * - `"unprotected"`: it lacks the middleware, and nobody has decided that it should.
 * - `"output first"`: its `.output()` stands before the middleware, so an output that fails its validation would be committed
 *   all the same. Calls over HTTP are refused.
 */
export type AuditedPolicy = "required" | "optional" | "conditional" | "off" | "unprotected" | "output first";

/** A mutation of a router, by its path. */
export interface AuditedMutation {
  readonly path: string;
  readonly policy: AuditedPolicy;
}

/**
 * Lists the mutations of a router, in definition order, with how each is protected: for a start-up check or a test that
 * none was forgotten. Lazy routers are loaded. A mutation that lacks the middleware, but whose meta says
 * `idempotency: false`, counts as decided.
 *
 * @throws TypeError for a `meta.idempotency` that cannot be used.
 */
export async function auditRouter(router: AnyTRPCRouter): Promise<readonly AuditedMutation[]> {
  const mutations = await mutationsOf(router);
  return mutations.map((mutation) => ({ path: mutation.path, policy: policyOf(mutation) }));
}

function policyOf({ settings, own, isOutputEarly }: ProcedureInfo): AuditedPolicy {
  if (own === false) {
    return "off";
  }
  if (settings === undefined) {
    return "unprotected";
  }
  if (isOutputEarly) {
    return "output first";
  }
  const { requireKey = settings.requireKey } = own;
  return typeof requireKey === "function" ? "conditional" : requireKey ? "required" : "optional";
}
