/** The response header that tells the outcome of a keyed request: a token of RFC 8941, or a list of them for a batch. */
export const OUTCOME_HEADER = "idempotency-outcome";

/**
 * What an answer tells of its key, and what follows for whoever has sent it. This is all that a client believes about
 * which answers are kept: of what is not told, it knows nothing, and keeps its key.
 *
 * - `"stored"`: this is the answer of that key, and every retry gets it. The intent has ended.
 * - `"released"`: this request has stored nothing. The same key may be sent again, and may then succeed.
 * - `"refused"`: the key belongs to another request, whose answer is not this one. For this request it is of no use.
 */
export type ToldOutcome = "stored" | "released" | "refused";
