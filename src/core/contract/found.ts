import { typeOf } from "../browser/option-checks.ts";
import { isClient } from "./client-kind.ts";

/** As `misuse`, where what was found is probably some other object of the application: it is named, and not only its type. */
export function misplaced(option: string, value: unknown, remedy: string): TypeError {
  return new TypeError(`onceonly: option ${option} is ${thingOf(value)}; give ${remedy}.`);
}

/** What something is, as an error message names it. */
function thingOf(value: unknown): string {
  if (isClass(value)) {
    return `the class ${value.name}`;
  }
  if (isClient(value)) {
    return "a Prisma client";
  }
  const { runSettled } = (value ?? {}) as Record<string, unknown>;
  if (typeof runSettled === "function") {
    return "what createIdempotency returned";
  }
  const shown = typeof value === "string" || typeof value === "number" ? ` (${JSON.stringify(value)})` : "";
  const members =
    typeof value === "object" && value !== null && !Array.isArray(value) ? membersOf(value) : "";
  return `of type ${typeOf(value)}${shown}${members}`;
}

export function isClass(value: unknown): value is { readonly name: string } {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

const SHOWN_MAX = 3;

/** By its names one recognises what one has passed. */
function membersOf(value: object): string {
  const names = Object.keys(value);
  const more = names.length > SHOWN_MAX ? ", ..." : "";
  return names.length === 0 ? " without members" : ` (with ${names.slice(0, SHOWN_MAX).join(", ")}${more})`;
}
