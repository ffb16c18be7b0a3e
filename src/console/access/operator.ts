import { typeOf } from "../../core/browser/option-checks.ts";
import { checkOptionNames, type OptionNames } from "../../core/contract/options/option-names.ts";

/** What somebody who looks at the console may do. */
export interface OperatorRights {
  /** The only scopes whose records are shown and may be forgotten. Left out: those of all. An empty list: none, which is refused. */
  readonly scope?: string | number | bigint | readonly (string | number | bigint)[];
  /** Whether records may be forgotten, after which their keys execute again. Default `false`. */
  readonly mayForget?: boolean;
}

/**
 * What option `authorize` says of a request: rights, `true` for those of a reader of all scopes, `false` or `undefined` for nothing,
 * or the response to give instead, such as a redirect to where people sign in.
 */
export type Authorization = OperatorRights | boolean | Response | null | undefined;

/** Says who may see what. Asked at every request, whatever it is for. */
export type Authorize = (request: Request) => Authorization | Promise<Authorization>;

/** Rights, checked and complete. */
export interface Operator {
  /** `undefined`: all. */
  readonly scopes: readonly string[] | undefined;
  readonly mayForget: boolean;
}

const RIGHTS: OptionNames<Required<OperatorRights>> = { scope: true, mayForget: true };

/**
 * Reads what `authorize` has said. `undefined`: nobody who may look.
 *
 * @throws TypeError for what nobody can have meant. A right that cannot be read gives none.
 */
export function operatorOf(said: Exclude<Authorization, Response>): Operator | undefined {
  if (said === undefined || said === null || said === false) {
    return undefined;
  }
  if (said === true) {
    return { scopes: undefined, mayForget: false };
  }
  if (!isPlainObject(said)) {
    throw new TypeError(
      `onceonly: authorize returned a value of type ${typeOf(said)}; return true, false, a Response, or rights such as { scope, mayForget }.`,
    );
  }
  checkOptionNames(said, RIGHTS);
  const { mayForget = false } = said;
  if (typeof mayForget !== "boolean") {
    throw unclear("mayForget", mayForget, "true or false");
  }
  const scopes = "scope" in said ? scopesOf(said.scope) : undefined;
  return scopes?.length === 0 ? undefined : { scopes, mayForget };
}

/** An error, a map or a session has no rights to read, and would count as all scopes. */
function isPlainObject(said: unknown): said is OperatorRights {
  const prototype: unknown =
    typeof said === "object" && said !== null ? Object.getPrototypeOf(said) : undefined;
  return prototype === null || prototype === Object.prototype;
}

/** One that is there and `undefined` is a user without a tenant, and not one of all tenants. */
function scopesOf(given: OperatorRights["scope"]): readonly string[] {
  const scopes: readonly unknown[] = Array.isArray(given) ? given : [given];
  for (const scope of scopes) {
    const isScope = typeof scope === "string" || Number.isFinite(scope) || typeof scope === "bigint";
    if (!isScope || scope === "") {
      throw unclear("scope", scope, "the scopes that are shown, or leave it out for all");
    }
  }
  return [...new Set(scopes.map(String))];
}

function unclear(right: string, value: unknown, remedy: string): TypeError {
  const found = value === "" ? "an empty text" : `of type ${typeOf(value)}`;
  return new TypeError(`onceonly: ${right} of what authorize returned is ${found}; give ${remedy}.`);
}

/** Whether a record of this scope exists for the operator. */
export function maySee({ scopes }: Operator, scope: string): boolean {
  return scopes === undefined || scopes.includes(scope);
}

/** By what it can do: a server may have a class of its own for it. */
export function isResponse(value: unknown): value is Response {
  const { status, headers } = (value ?? {}) as Partial<Response>;
  return typeof status === "number" && typeof headers?.get === "function";
}
