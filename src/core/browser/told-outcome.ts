/**
 * The response header that tells the outcome of a keyed request: a token of RFC 8941, or a list of them for a batch.
 * `stored;partial` if some of a mutation was made, and some failed.
 */
export const OUTCOME_HEADER = "idempotency-outcome";

/** Where tRPC's link leaves what it has read, in the `meta` of an error. */
export const OUTCOME = "idempotencyOutcome";

/**
 * What an answer tells of its key, and what follows for whoever has sent it. This is all that a client believes about
 * which answers are kept: of what is not told, it knows nothing, and keeps its key.
 *
 * - `"stored"`: this is the answer of that key, and every retry gets it. The intent has ended.
 * - `"released"`: this request has stored nothing, and the key is free. Whether a retry makes sense is not said by this, but by
 *   status and code: after a mistake in the server's set-up it does not.
 * - `"refused"`: the key belongs to another request, whose answer is not this one. For this request it is of no use.
 */
export type ToldOutcome = "stored" | "released" | "refused";

/** Whether the intent that a key stands for has ended with such an answer, so that the next one gets a new key. */
export function endsIntent(told: ToldOutcome): boolean {
  return told !== "released";
}

/** Whether an error with such an answer is what everybody gets who sends this key, so that they all count it. */
export function isSharedByAll(told: ToldOutcome | undefined): boolean {
  return told === "stored";
}

/** @returns `undefined` for what is not one of the outcomes: `?0` in a list, or a word of a later version. */
export function toldBy(word: unknown): ToldOutcome | undefined {
  return /^(stored|released|refused)(?=;|$)/.exec(String(word))?.[0] as ToldOutcome | undefined;
}

/** Reads the header of an answer to one call, or to a batch whose calls have all ended alike. */
export function toldByHeader(header: string | null | undefined): ToldOutcome | undefined {
  const [first, ...others] = membersOf(header);
  return others.every((other) => other === first) ? toldBy(first) : undefined;
}

/** The member of a header for the call at a place in its batch. */
export function toldAt(place: number, header: string): string | undefined {
  return membersOf(header)[place];
}

function membersOf(header: string | null | undefined): readonly string[] {
  return String(header).split(/ *, */);
}
