import { misuse } from "../../core/browser/option-checks.ts";

/** What a procedure's `.meta()` may say: `initTRPC.meta<AppMeta & IdempotencyMeta>()`. */
export interface IdempotencyMeta {
  /**
   * `{ requireKey }` overrides the middleware's option of that name. With `false`, the mutation runs as if the middleware
   * were not there.
   */
  readonly idempotency?: OwnSettings | false | undefined;
}

/** What one procedure decides for itself. */
export interface OwnSettings {
  readonly requireKey?: boolean | undefined;
}

const NONE: OwnSettings = {};

/**
 * The settings in a procedure's meta. The application defines the type of meta, so it may hold anything.
 *
 * @throws TypeError for anything else than the settings or `false`: if it counted as nothing, a typo would go unnoticed.
 */
export function ownSettingsIn(meta: unknown): OwnSettings | false {
  const own: unknown = (meta as IdempotencyMeta | null | undefined)?.idempotency;
  if (own === undefined) {
    return NONE;
  }
  if (own !== false && !isOwnSettings(own)) {
    throw misuse(
      "meta.idempotency",
      own,
      "{ requireKey: true } or { requireKey: false }, or false for a mutation that is to run without the middleware",
    );
  }
  return own;
}

function isOwnSettings(own: unknown): own is OwnSettings {
  return (
    typeof own === "object" &&
    own !== null &&
    Object.entries(own).every(
      ([name, value]) => name === "requireKey" && (value === undefined || typeof value === "boolean"),
    )
  );
}
