import { checkOneOf } from "../core/misuse.ts";

/**
 * Whether a mutation needs a key: with `"optional"`, one without a key runs in a transaction but keeps no record;
 * with `"off"` it runs as if the middleware were not there.
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
 * What a procedure's meta says. The type of meta is the application's own, so anything may stand there.
 *
 * @throws TypeError for an unknown policy: taken for no policy, a typing error would go unnoticed.
 */
export function policyIn(meta: unknown): IdempotencyPolicy | undefined {
  const policy = (meta as IdempotencyMeta | null | undefined)?.idempotency;
  checkPolicy("meta.idempotency", policy);
  return policy;
}
