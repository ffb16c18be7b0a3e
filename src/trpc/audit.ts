import type { AnyTRPCRouter } from "@trpc/server";
import { type IdempotencyPolicy, policyIn } from "./policy.ts";

/** A mutation and how it is protected: `"unprotected"` is one that nobody decided about. */
export interface AuditedMutation {
  readonly path: string;
  readonly policy: IdempotencyPolicy | "unprotected";
}

const policies = new WeakMap<object, IdempotencyPolicy>();

/** Has {@link auditRouter} recognise a middleware. */
export function rememberPolicy(middleware: object, policy: IdempotencyPolicy): void {
  policies.set(middleware, policy);
}

/**
 * Lists the mutations of a router with their policies, in the order of their definition, for a start-up check or a
 * test that none is forgotten. Lazy routers are loaded. A mutation without the middleware whose meta says `"off"`
 * counts as decided.
 *
 * @throws TypeError for an unknown policy in a procedure's meta.
 */
export async function auditRouter(router: AnyTRPCRouter): Promise<readonly AuditedMutation[]> {
  const { _def: definition } = router as { readonly _def: RouterDefinition };
  await loadLazyRouters(definition);
  return Object.entries(definition.procedures)
    .filter(([, { _def: procedure }]) => procedure.type === "mutation")
    .map(([path, { _def: procedure }]) => ({ path, policy: policyOf(procedure) }));
}

/** The part of tRPC's definitions that the audit reads. */
interface RouterDefinition {
  readonly procedures: Readonly<Record<string, { readonly _def: ProcedureDefinition }>>;
  readonly lazy: Readonly<Record<string, { readonly load: () => Promise<void> }>>;
}

interface ProcedureDefinition {
  readonly type: string;
  readonly meta?: unknown;
  readonly middlewares: readonly object[];
}

/** A loaded router leaves `lazy`, and may bring further ones. */
async function loadLazyRouters({ lazy }: RouterDefinition): Promise<void> {
  for (let pending = Object.values(lazy); pending.length > 0; pending = Object.values(lazy)) {
    await Promise.all(pending.map(({ load }) => load()));
  }
}

function policyOf({ meta, middlewares }: ProcedureDefinition): AuditedMutation["policy"] {
  const applied = middlewares
    .map((middleware) => policies.get(middleware))
    .find((policy) => policy !== undefined);
  const own = policyIn(meta);
  return applied === undefined ? (own === "off" ? own : "unprotected") : (own ?? applied);
}
