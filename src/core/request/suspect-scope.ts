import { warnOnce } from "../contract/warn-once.ts";

/** What a template makes of an id that is not there. Somebody may be called so, therefore it is no error. */
const MISSING: ReadonlySet<unknown> = new Set(["undefined", "null", null]);

/** What templates put between ids. */
const SEPARATOR = /[:|/]/;

/** Not a double colon, nor an empty part between others: `::1`, `fe80::` and `arn:aws:iam::1:user` are honest ids. */
const EMPTY_FIRST = /^[:|](?![:|])/;
const EMPTY_LAST = /(?<![:|])[:|]$/;

export function warnOfSuspectScope(scope: string, operation: string): void {
  const suspect = suspectIn(scope);
  if (suspect !== undefined) {
    warnOnce(
      "ONCEONLY_SCOPE",
      // Not the scope, which has as many values as there are tenants.
      suspect,
      `The scope of ${operation} is ${JSON.stringify(withoutIds(scope))}, which all users without an id would share; return the id ` +
        "itself, so that a missing one is refused. For more than one id, refuse a missing one yourself and return " +
        "JSON.stringify([tenant, user]).",
    );
  }
}

/** Which part of the scope looks like a missing id. */
function suspectIn(scope: string): string | undefined {
  const list = listIn(scope);
  const parts = list ?? scope.split(SEPARATOR);
  const index = parts.findIndex((part) => MISSING.has(part) || (list !== undefined && part === ""));
  if (index >= 0) {
    return `${index} ${JSON.stringify(parts[index])}`;
  }
  if (scope.trim() === "") {
    return "blank";
  }
  // What `Number(id ?? 0)` makes of a missing id, and a column's default.
  if (scope === "0") {
    return "zero";
  }
  return EMPTY_FIRST.test(scope) ? "first" : EMPTY_LAST.test(scope) ? "last" : undefined;
}

/** What is an id after all is somebody's, and nothing for a log. */
function withoutIds(scope: string): string {
  const shown = (part: unknown) => (MISSING.has(part) || part === "" || part === scope ? part : "...");
  const list = listIn(scope);
  return list === undefined
    ? scope.replaceAll(/[^:|/]+/g, shown as (part: string) => string)
    : JSON.stringify(list.map(shown));
}

function listIn(scope: string): readonly unknown[] | undefined {
  if (!scope.startsWith("[")) {
    return undefined;
  }
  try {
    return JSON.parse(scope) as readonly unknown[];
  } catch {
    return undefined;
  }
}
