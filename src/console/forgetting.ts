import type { InspectedRecord } from "../core/contract/upkeep/inspection.ts";
import { FormSecret, isFromSameOrigin } from "./access/form-token.ts";
import { pageAnswer } from "./answer.ts";
import { forgetPage } from "./pages/forget.tsx";
import { unknownPage } from "./pages/message.tsx";
import { afterForgetting, recordOf, showMessage } from "./routes.ts";
import type { Visit } from "./visit.ts";

/** Of a form with two short fields. */
const FORM_BYTES_MAX = 4_096;

/** Asks whether to forget a record. */
export async function askToForget(visit: Visit, id: string): Promise<Response> {
  return visit.operator.mayForget ? ask(visit, id, await recordOf(visit, id)) : showNotAllowed(visit);
}

/** Forgets a record, as the form of {@link askToForget} asks for. */
export async function forgetRecord(visit: Visit, id: string): Promise<Response> {
  const { request, url, base, operator, idempotency } = visit;
  if (!operator.mayForget) {
    return showNotAllowed(visit);
  }
  const form = isFromSameOrigin(request, url) ? await formOf(request) : undefined;
  const secret = new FormSecret(request, url, base);
  const seen = form?.get("seen") ?? "";
  if (form === undefined || !secret.isSigned(form.get("token"), "forget", id, seen)) {
    return showMessage(
      visit,
      403,
      "Not forgotten",
      "The request did not come from the form of this console in this browser, or cookies are off. Nothing was deleted: open the record and try again.",
    );
  }
  const record = await recordOf(visit, id);
  if (record !== undefined && seenOf(record) !== seen) {
    return ask(visit, id, record, true);
  }
  // The scope of an id never changes: it is a part of it.
  const outcome = record === undefined ? "unknown" : await idempotency.forget({ id });
  return afterForgetting(visit, secret, id, outcome);
}

function ask(visit: Visit, id: string, record: InspectedRecord | undefined, hasChanged = false): Response {
  const { request, url, base } = visit;
  if (record === undefined) {
    return pageAnswer({ status: 404, html: unknownPage({ ...visit, id, outcome: undefined }) });
  }
  const secret = new FormSecret(request, url, base);
  const seen = seenOf(record);
  const token = secret.sign("forget", id, seen);
  return pageAnswer({
    status: hasChanged ? 409 : 200,
    headers: secret.setCookie === undefined ? {} : { "set-cookie": secret.setCookie },
    html: forgetPage({ ...visit, record, seen, token, hasChanged }),
  });
}

/** What is another where the record has gone on, or is that of a later run with the key. */
function seenOf({ state, attempt, claimedAt, finishedAt }: InspectedRecord): string {
  return [state, attempt, claimedAt.getTime(), finishedAt?.getTime() ?? ""].join(".");
}

function showNotAllowed(visit: Visit): Response {
  return showMessage(
    visit,
    403,
    "Not allowed",
    "You may look at records, and not forget them. Nothing was deleted.",
  );
}

/** @returns `undefined` for what is no form, or too long for this one. */
async function formOf(request: Request): Promise<URLSearchParams | undefined> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/x-www-form-urlencoded(;|$)/i.test(type) || request.body === null || request.bodyUsed) {
    return undefined;
  }
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of request.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > FORM_BYTES_MAX) {
      return undefined;
    }
  }
  return new URLSearchParams(text);
}
