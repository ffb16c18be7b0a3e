import { pastedKey } from "../../core/browser/key-header.ts";
import type { ListOptions } from "../../core/contract/upkeep/listing.ts";
import type { Operator } from "../access/operator.ts";

/** What was asked for, as it was typed. */
export type Search = Readonly<Record<SearchField, string>>;

export type SearchField = "key" | "operation" | "scope" | "state" | "from" | "before";

/** What keeps a search from being made. */
export interface SearchProblem {
  /** `undefined`: none of them in particular. */
  readonly field: SearchField | undefined;
  readonly message: string;
}

const FIELDS: readonly SearchField[] = ["key", "operation", "scope", "state", "from", "before"];

export const STATES = ["in_progress", "abandoned", "completed", "failed"] as const;

/** Records of a page. */
const PAGE = 50;

export function searchOf(params: URLSearchParams): Search {
  const search = Object.fromEntries(
    FIELDS.map((field) => [field, (params.get(field) ?? "").trim()]),
  ) as Record<SearchField, string>;
  // A scope is taken as it is: it may begin with a space.
  return { ...search, key: pastedKey(search.key), scope: params.get("scope") ?? "" };
}

/** The options of the listing for a search by an operator, who finds no other scopes than their own; or what is wrong with it. */
export function listOptionsOf(
  { key, operation, scope, state, from, before }: Search,
  after: string | null,
  { scopes }: Operator,
): { readonly options: ListOptions } | { readonly problem: SearchProblem } {
  if (scope !== "" && scopes?.includes(scope) === false) {
    return { problem: { field: "scope", message: "This scope is not among yours." } };
  }
  const known = STATES.find((each) => each === state);
  if (state !== "" && known === undefined) {
    return { problem: { field: "state", message: `There is no such state; choose ${STATES.join(", ")}.` } };
  }
  const claimedFrom = timeOf(from);
  const claimedBefore = timeOf(before);
  const wrong = claimedFrom === null ? "from" : claimedBefore === null ? "before" : undefined;
  if (wrong !== undefined) {
    const message = "This is not a time; give one such as 2026-01-31T14:05, in UTC.";
    return { problem: { field: wrong, message } };
  }
  return {
    options: {
      ...(key === "" ? {} : { key }),
      ...(operation === "" ? {} : { operation }),
      ...(scope === "" ? scopes && { scope: scopes } : { scope }),
      ...(known === undefined ? {} : { state: known }),
      ...(claimedFrom ? { claimedFrom } : {}),
      ...(claimedBefore ? { claimedBefore } : {}),
      ...(after ? { after } : {}),
      limit: PAGE,
    },
  };
}

/** The time of a field of type `datetime-local`, taken as UTC. `null` for what is none. */
function timeOf(text: string): Date | undefined | null {
  if (text === "") {
    return undefined;
  }
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/.test(text)
    ? new Date(`${text}Z`)
    : undefined;
  // JavaScript makes the 3rd of March out of the 31st of February.
  const isDay =
    time !== undefined && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 10));
  return isDay ? time : null;
}

/** The query of a link to a search, and to the page of it that begins after a place. */
export function queryOf(search: Partial<Search>, after?: string): string {
  const given = FIELDS.flatMap((field) => (search[field] ? [[field, search[field]]] : []));
  const params = new URLSearchParams([...given, ...(after === undefined ? [] : [["after", after]])]);
  return params.size === 0 ? "" : `?${params.toString()}`;
}
