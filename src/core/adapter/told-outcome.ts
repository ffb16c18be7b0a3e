import { OUTCOME_HEADER, type ToldOutcome } from "../browser/told-outcome.ts";
import { type IdempotencyErrorCode, isIdempotencyError } from "../contract/errors/errors.ts";
import { REPLAYED_HEADER } from "./key-header.ts";

export { OUTCOME_HEADER, type ToldOutcome } from "../browser/told-outcome.ts";

/** What the answer to one keyed call tells of its record. */
export interface Told {
  readonly outcome: ToldOutcome | undefined;
  readonly replayed: boolean;
  /** Whether some of it was made, beside what failed. Only a stored answer is. */
  readonly partial?: true;
}

const BY_CODE: { readonly [TCode in IdempotencyErrorCode]?: ToldOutcome | undefined } = {
  // There is no key, and so nothing to tell of it.
  KEY_MISSING: undefined,
  KEY_REUSED: "refused",
  // A completer has stored it.
  ATTEMPTS_EXHAUSTED: "stored",
  // The mutation was made, and its answer is there for whoever can read it: neither released nor the key's answer.
  RESULT_UNREADABLE: undefined,
};

/** What to tell after a keyed run that ended with this error. `undefined`: nothing, and the client keeps its key. */
export function outcomeOfError(error: unknown): ToldOutcome | undefined {
  return isIdempotencyError(error) && error.code in BY_CODE ? BY_CODE[error.code] : "released";
}

function outcomeMember(told: Told | undefined): string {
  return told?.outcome === undefined ? "?0" : `${told.outcome}${told.partial === true ? ";partial" : ""}`;
}

/**
 * The headers that tell it: tokens and booleans of RFC 8941, for a batch as lists with one member per call. `undefined`
 * stands for a call that nothing is told of.
 */
export function toldHeaders(calls: readonly (Told | undefined)[]): readonly (readonly [string, string])[] {
  const headers: [string, string][] = [];
  if (calls.some((told) => told?.outcome !== undefined)) {
    headers.push([OUTCOME_HEADER, calls.map(outcomeMember).join(", ")]);
  }
  if (calls.some((told) => told?.replayed === true)) {
    const marks = calls.map((told) => (told?.replayed === true ? "?1" : "?0"));
    // Alone, it is what it always was: the word that Stripe sends.
    headers.push([REPLAYED_HEADER, calls.length === 1 ? "true" : marks.join(", ")]);
  }
  return headers;
}
