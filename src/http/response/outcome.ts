import { isStoredStatus } from "../../core/browser/kept-answers.ts";
import { misuse } from "../../core/browser/option-checks.ts";
import { answeredAtOnce } from "../../core/contract/callbacks.ts";
import type { Outcome } from "../../core/contract/outcome.ts";

/** What decides the outcome of a run. */
export type ResponseHead = Pick<Response, "status" | "headers">;

/**
 * What a handler's response does to its run.
 *
 * - `"commit"`: its writes and the response are committed, and every duplicate gets the response.
 * - `"store"`: its writes are undone, the response is stored, and every duplicate gets it.
 * - `"release"`: its writes are undone and nothing is stored. This caller gets the response; a retry executes.
 */
export type ResponseOutcome = Outcome;

/**
 * The default outcome: `"commit"` below 400; `"store"` for 4xx, which blame the request and would blame it again;
 * `"release"` for 401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499 and 5xx, after which the same request
 * may succeed.
 *
 * A route or an exception filter by hand asks with the status alone: `outcomeOf({ status: 409 })` is `"release"`.
 */
export function outcomeOf({ status }: Pick<ResponseHead, "status"> & Partial<ResponseHead>): ResponseOutcome {
  if (status < 400) {
    return "commit";
  }
  return isStoredStatus(status) ? "store" : "release";
}

const OUTCOMES: readonly unknown[] = ["commit", "store", "release"] satisfies ResponseOutcome[];

/** @throws TypeError for a value that option `outcome` must not return. */
export function checkOutcome(outcome: unknown): ResponseOutcome {
  if (!OUTCOMES.includes(answeredAtOnce("outcome", outcome))) {
    throw misuse("outcome", outcome, 'a function that returns "commit", "store" or "release"');
  }
  return outcome as ResponseOutcome;
}
