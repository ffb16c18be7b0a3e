import { checkOneOf } from "../core/browser/option-checks.ts";

/**
 * Whether a mutation needs a key. With `"optional"`, a mutation without a key runs in a transaction but keeps no record;
 * with `"off"`, a mutation runs as if the middleware were not there.
 */
export type IdempotencyPolicy = "required" | "optional" | "off";

/** What a procedure's `.meta()` may say: `initTRPC.meta<AppMeta & IdempotencyMeta>()`. It overrides option `policy`. */
export interface IdempotencyMeta {
  readonly idempotency?: IdempotencyPolicy | undefined;
}

export const DEFAULT_POLICY = "required";

const POLICIES: readonly string[] = ["required", "optional", "off"] satisfies IdempotencyPolicy[];

/** @throws TypeError */
export function checkPolicy(option: string, policy: unknown): void {
  checkOneOf(option, policy, POLICIES);
}

/**
 * The policy in a procedure's meta. The application defines the type of meta, so it may hold anything.
 *
 * @throws TypeError for an unknown policy: if it counted as no policy, a typo would go unnoticed.
 */
export function policyIn(meta: unknown): IdempotencyPolicy | undefined {
  const policy = (meta as IdempotencyMeta | null | undefined)?.idempotency;
  checkPolicy("meta.idempotency", policy);
  return policy;
}
