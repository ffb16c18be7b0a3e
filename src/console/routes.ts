import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import type { Forgotten, InspectedRecord } from "../core/contract/upkeep/inspection.ts";
import { FormSecret } from "./access/form-token.ts";
import { maySee } from "./access/operator.ts";
import { pageAnswer, seeOther } from "./answer.ts";
import { messagePage, unknownPage } from "./pages/message.tsx";
import { overviewPage } from "./pages/overview.tsx";
import { recordPage } from "./pages/record.tsx";
import { type Found, recordsPage } from "./pages/records.tsx";
import { listOptionsOf, type SearchProblem, searchOf } from "./search/search.ts";
import type { Visit } from "./visit.ts";

/** The id of a record, as events and traces give it. */
const ID = /^[\w-]{43}$/;

/** The list of records, as far as the operator may see them. */
export async function showRecords(visit: Visit): Promise<Response> {
  const { url, operator, idempotency } = visit;
  const search = searchOf(url.searchParams);
  const after = url.searchParams.get("after");
  if (!after && ID.test(search.key) && (await recordOf(visit, search.key)) !== undefined) {
    return seeOther(`${visit.base}/records/${search.key}`);
  }
  const found: Omit<Found, "problem" | "page"> = { ...visit, search, isFirst: !after };
  const refused = (problem: SearchProblem) =>
    pageAnswer({ status: 400, html: recordsPage({ ...found, problem, page: undefined }) });
  const asked = listOptionsOf(search, after, operator);
  if ("problem" in asked) {
    return refused(asked.problem);
  }
  try {
    const listed = await idempotency.list(asked.options);
    // A collation may hold two scopes for one.
    const page = { ...listed, records: listed.records.filter(({ scope }) => maySee(operator, scope)) };
    return pageAnswer({ status: 200, html: recordsPage({ ...found, problem: undefined, page }) });
  } catch (error) {
    const problem = problemOf(error);
    if (problem === undefined) {
      throw error;
    }
    return refused(problem);
  }
}

/** What the list says of what it was asked for. */
function problemOf(error: unknown): SearchProblem | undefined {
  if (isIdempotencyError(error)) {
    const field = error.code === "KEY_INVALID" ? "key" : error.code === "SCOPE_MISSING" ? "scope" : undefined;
    return field && { field, message: error.message };
  }
  if (!(error instanceof TypeError && error.message.startsWith("onceonly: "))) {
    return undefined;
  }
  const message = error.message.slice("onceonly: ".length);
  return message.startsWith("operation ")
    ? { field: "operation", message: `O${message.slice(1)}` }
    : { field: undefined, message: "This link into the list is broken; go back to its first page." };
}

/** Finds the record with an id, if there is one that the operator may see. */
export async function recordOf(
  { idempotency, operator }: Visit,
  id: string,
): Promise<InspectedRecord | undefined> {
  const { scopes } = operator;
  if (scopes !== undefined) {
    // Not read before it is known to be theirs: how long that takes, or how it fails, would tell that it exists.
    const { records } = await idempotency.list({ id, scope: scopes });
    if (!records.some(({ scope }) => maySee(operator, scope))) {
      return undefined;
    }
  }
  const found = await idempotency.inspect({ id });
  return found.state === "unknown" || !maySee(operator, found.scope) ? undefined : found;
}

/** A record with everything in it. */
export async function showRecord(visit: Visit, id: string): Promise<Response> {
  const record = await recordOf(visit, id);
  const outcome = outcomeOf(visit, id);
  return record === undefined
    ? pageAnswer({ status: 404, html: unknownPage({ ...visit, id, outcome }) })
    : pageAnswer({ status: 200, html: recordPage({ ...visit, record, outcome }) });
}

/** @returns where the browser goes to be shown what became of a request to forget a record. */
export function afterForgetting(
  { base }: Visit,
  secret: FormSecret,
  id: string,
  outcome: Forgotten,
): Response {
  const query = new URLSearchParams({ outcome, signed: secret.sign("outcome", id, outcome) });
  return seeOther(`${base}/records/${id}?${query.toString()}`);
}

/** Nobody else can make a link that says of a record that it was forgotten. */
function outcomeOf({ request, url, base }: Visit, id: string): Forgotten | undefined {
  const outcome = url.searchParams.get("outcome");
  const isSigned =
    outcome !== null &&
    new FormSecret(request, url, base).isSigned(url.searchParams.get("signed"), "outcome", id, outcome);
  return isSigned ? (outcome as Forgotten) : undefined;
}

/** Counts of all scopes: for those who may see all. */
export async function showOverview(visit: Visit): Promise<Response> {
  const overview = visit.operator.scopes === undefined ? await visit.overview.read() : undefined;
  return pageAnswer({ status: 200, html: overviewPage({ ...visit, overview }) });
}

export function showMessage(
  visit: Visit,
  status: number,
  title: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return pageAnswer({ status, headers, html: messagePage({ ...visit, title, text }) });
}
