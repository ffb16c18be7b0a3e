import { checkFunction, checkOneOf, misuse } from "../browser/option-checks.ts";
import { answeredAtOnce } from "../contract/callbacks.ts";
import { misplaced } from "../contract/found.ts";
import { isIdempotency } from "./chosen-idempotency.ts";

/** What `scope` may return. Nothing, or an empty string, is refused with `SCOPE_MISSING`. */
export type ScopeValue = string | number | bigint | null | undefined;

/**
 * Checks the options that every adapter has.
 *
 * @throws TypeError that names the option, what it got and the remedy.
 */
export function checkAdapterOptions(
  options: { readonly idempotency: unknown; readonly scope: unknown; readonly provide: unknown },
  scopeExample: string,
): void {
  const { idempotency, scope, provide } = options;
  checkIdempotency(idempotency);
  if (scope !== "global" && typeof scope !== "function") {
    throw misuse("scope", scope, `a function such as ${scopeExample}`);
  }
  if (provide !== undefined && (typeof provide !== "string" || provide === "" || provide === "idempotency")) {
    throw misuse("provide", provide, 'the name of a context property, other than "idempotency"');
  }
}

/** @throws TypeError unless it is what `createIdempotency` returned, or a function. */
function checkIdempotency(idempotency: unknown): void {
  if (typeof idempotency !== "function" && !isIdempotency(idempotency)) {
    throw misplaced(
      "idempotency",
      idempotency,
      "what createIdempotency returned, or a function that gives it",
    );
  }
}

/**
 * Checks option `requireKey`, and that it is not given in the form that it had before, `replaced`.
 *
 * @throws TypeError that names the option, what it got and the remedy.
 */
export function checkRequireKey(
  options: { readonly requireKey?: unknown },
  replaced: "policy" | "require",
  example: string,
): void {
  const { requireKey } = options;
  if (typeof requireKey !== "boolean") {
    checkFunction("requireKey", requireKey, `${example}, or true or false`);
  }
  const old = (options as Record<string, unknown>)[replaced];
  if (old !== undefined) {
    throw misuse(
      replaced,
      old,
      "option requireKey instead: true (the default), false, or a function that says so",
    );
  }
}

/** @throws TypeError for a `requireKey` function's answer that is no boolean: guessing could let a mutation through. */
export function checkKeyRequired(answer: unknown): boolean {
  answeredAtOnce("requireKey", answer);
  if (typeof answer !== "boolean") {
    throw misuse("requireKey", answer, "a function that returns true or false");
  }
  return answer;
}

/** How a mutation is executed: in one transaction, or under a lease with steps that are recorded one by one. */
export type Mode = "transaction" | "lease";

export function checkMode(mode: unknown): void {
  checkOneOf("mode", mode, ["transaction", "lease"] satisfies Mode[]);
}

/** @throws TypeError for a mode that cannot be used, and for `provide` where every mutation is leased. */
export function checkModeAndProvide(mode: unknown, provide: unknown): void {
  checkMode(mode);
  if (mode === "lease" && provide !== undefined) {
    throw misuse(
      "provide",
      provide,
      'none with mode "lease": the handler runs in no transaction, and transaction(name, fn) passes its own to fn',
    );
  }
}
