import { misuse } from "../core/misuse.ts";

/** What the outcome of a run is decided by. */
export type ResponseHead = Pick<Response, "status" | "headers">;

/**
 * What a handler's response does to its run.
 *
 * - `"commit"`: its writes and the response are committed, and every duplicate gets the response.
 * - `"store"`: its writes are undone, the response is stored, and every duplicate gets it.
 * - `"release"`: its writes are undone and nothing is stored. This caller gets the response, a retry executes.
 */
export type ResponseOutcome = "commit" | "store" | "release";

/** 4xx that depend on who asks, or when: the same request may succeed later. */
const RELEASED: ReadonlySet<number> = new Set([
  401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499,
]);

/**
 * The outcome by default: below 400 `"commit"`; 4xx `"store"`, as they blame the request and would blame it again;
 * 401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499 and 5xx `"release"`, after which the same request may
 * succeed.
 */
export function outcomeOf({ status }: ResponseHead): ResponseOutcome {
  if (status < 400) {
    return "commit";
  }
  return status < 500 && !RELEASED.has(status) ? "store" : "release";
}

const OUTCOMES: readonly unknown[] = ["commit", "store", "release"] satisfies ResponseOutcome[];

/** @throws TypeError for what option `outcome` must not give. */
export function checkOutcome(outcome: unknown): ResponseOutcome {
  if (!OUTCOMES.includes(outcome)) {
    throw misuse("outcome", outcome, 'a function that returns "commit", "store" or "release"');
  }
  return outcome as ResponseOutcome;
}
