import { REPLAYED_HEADER } from "../../core/adapter/key-header.ts";
import { OUTCOME_HEADER, outcomeOfError, type Told, toldHeaders } from "../../core/adapter/told-outcome.ts";
import { entriesOf } from "./stored-response.ts";

const remembered = new WeakMap<object, Told>();

/** Remembers what an error's answer is to tell, where its code alone does not say: it may come from the handler. */
export function rememberTold(error: unknown, told: Told): void {
  if (typeof error === "object" && error !== null) {
    remembered.set(error, told);
  }
}

/** The answer to a problem, with what it tells of the key. */
export function tellingProblem(response: Response, error: object): Response {
  return telling(response, remembered.get(error) ?? { outcome: outcomeOfError(error), replayed: false });
}

/** A response with what it tells of the key. Never fails: the mutation is done, or undone. */
export function telling(response: Response, told: Told): Response {
  try {
    setTold(response.headers, told);
    return response;
  } catch {
    return copyTelling(response, told);
  }
}

/** Responses of `fetch` and `Response.redirect` have headers that cannot be changed. */
function copyTelling(response: Response, told: Told): Response {
  try {
    const { status, statusText, body } = response;
    // Changed before they are given: the class of Hono's server goes on using the very object.
    const headers = new Headers(entriesOf(response.headers));
    setTold(headers, told);
    return new Response(body, { status, statusText, headers });
  } catch {
    return response;
  }
}

/** What a handler has passed on from another server is about another key. */
function setTold(headers: Headers, told: Told): void {
  headers.delete(OUTCOME_HEADER);
  headers.delete(REPLAYED_HEADER);
  for (const [name, value] of toldHeaders([told])) {
    headers.set(name, value);
  }
}
