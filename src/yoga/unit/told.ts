import type { ExecutionResult } from "graphql";
import { outcomeOfError, type Told, toldHeaders } from "../../core/adapter/told-outcome.ts";
import { isIdempotencyError } from "../../core/contract/errors/errors.ts";

const untold = new WeakSet<object>();

/** The answer of a unit. */
export interface Answer {
  readonly result: ExecutionResult;
  /** Of a unit that has a key. */
  readonly told?: Told | undefined;
}

/** Does some of a mutation that has no key: of its error there is nothing to tell. */
export async function withoutTelling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (typeof error === "object" && error !== null) {
      untold.add(error);
    }
    throw error;
  }
}

/** What the error of a mutation, or of one root field, tells. `undefined`: it has no key. */
export function toldOf(error: object): Told | undefined {
  const isUnkeyed = untold.has(error) || (isIdempotencyError(error) && error.code === "KEY_MISSING");
  return isUnkeyed ? undefined : { outcome: outcomeOfError(error), replayed: false };
}

/** What the root fields tell, by their response names, where each is a unit of its own. Not those without a key. */
export type ToldFields = Readonly<Record<string, Told>>;

/** What there is to tell of several units. */
export interface ToldUnits {
  readonly told: ToldFields;
  /** Whether all fields were executed. */
  readonly isWhole: boolean;
  /** Whether some of it was made, beside what failed. Where `data` is null, it does not show that. */
  readonly isPartial: boolean;
}

/**
 * Tells in an answer how a keyed unit ended: in `extensions.idempotency`, and under Yoga in the headers
 * `Idempotency-Outcome` and `Idempotent-Replayed` (not in a batch, which has one header for many answers).
 */
export function telling(
  result: ExecutionResult,
  context: object,
  told: Told | undefined,
  fields?: ToldFields,
): ExecutionResult {
  if (told === undefined) {
    return result;
  }
  const extensions: Record<string, unknown> = {
    ...result.extensions,
    idempotency: fields === undefined ? told : { ...told, fields },
  };
  if (isYogaContext(context)) {
    const http = (result.extensions?.["http"] ?? {}) as { readonly headers?: object };
    extensions["http"] = {
      ...http,
      headers: { ...http.headers, ...Object.fromEntries(toldHeaders([told])) },
    };
  }
  return { ...result, extensions };
}

/**
 * What units tell together.
 *
 * @param count how many root fields there are, with a key or without
 */
export function toldTogether(
  { told: fields, isWhole, isPartial }: ToldUnits,
  count: number,
): Told | undefined {
  const all = Object.values(fields);
  const isAll = (outcome: Told["outcome"]): boolean => all.every((told) => told.outcome === outcome);
  if (all.length === 0) {
    return undefined;
  }
  const replayed = all.length === count && all.every((told) => told.replayed);
  if (isWhole && (isAll("stored") || isAll("refused"))) {
    const outcome = all[0]?.outcome;
    return { outcome, replayed, ...(isPartial && outcome === "stored" ? { partial: true } : {}) };
  }
  // Some part has yet to be executed under this key, or may be: the key stays.
  return { outcome: all.some(({ outcome }) => outcome === undefined) ? undefined : "released", replayed };
}

/** Outside Yoga, `extensions.http` would reach the client. */
function isYogaContext(context: object): boolean {
  const { request } = context as {
    readonly request?: { readonly headers?: { readonly get?: unknown } } | null;
  };
  return "params" in context && typeof request?.headers?.get === "function";
}
