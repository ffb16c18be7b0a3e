import type { ExecutionResult } from "graphql";
import { REPLAYED_HEADER } from "../../core/adapter/key-header.ts";

/**
 * Marks an answer as a replay: in `extensions.idempotency`, and under Yoga in the header `Idempotent-Replayed` (not in a
 * batch, which has one header for many answers). A first answer is not marked.
 *
 * @param fields response names of the replayed root fields, where each is a unit of its own
 * @param isWhole whether the whole answer is a replay
 */
export function markReplayed(
  result: ExecutionResult,
  context: object,
  fields?: readonly string[],
  isWhole: boolean = true,
): ExecutionResult {
  const idempotency = fields === undefined ? { replayed: true } : { replayed: true, fields };
  const extensions: Record<string, unknown> = { ...result.extensions, idempotency };
  if (isWhole && isYogaContext(context)) {
    const http = (result.extensions?.["http"] ?? {}) as { readonly headers?: object };
    extensions["http"] = { ...http, headers: { ...http.headers, [REPLAYED_HEADER]: "true" } };
  }
  return { ...result, extensions };
}

/** Outside Yoga, `extensions.http` would reach the client. */
function isYogaContext(context: object): boolean {
  const { request } = context as {
    readonly request?: { readonly headers?: { readonly get?: unknown } } | null;
  };
  return "params" in context && typeof request?.headers?.get === "function";
}
