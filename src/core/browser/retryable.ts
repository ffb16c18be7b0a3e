/** Statuses after which the same request with the same key may be sent again, whoever sent them. */
const RETRYABLE_STATUS = /^(408|42[59]|50[2-4])$/;

// How the adapters say IN_PROGRESS, CLAIM_LOST, LEASE_LOST and STORE_UNAVAILABLE: by a problem document's type, by GraphQL's
// extensions.code, or by tRPC's message, since tRPC's CONFLICT may also be the application's own.
const OURS =
  /(onceonly:problem:|#)(in-progress|(claim|lease)-lost)[",]|IDEMPOTENCY_(CONC|CLAIM|LEASE|STORE_U)|idempotency key is being|The (claim|lease) of .+ was lost/;

/** Whether a text (the body of an answer or the message of an error) asks for the same request with the same key. */
export function asksForRetry(text: string): boolean {
  return OURS.test(text);
}

/** Whether an answer with this status and text asks for the same request again. A 409 does only if it is ours. */
export function isRetryableAnswer(status: number, text: string): boolean {
  return RETRYABLE_STATUS.test(String(status)) || (status === 409 && asksForRetry(text));
}

/**
 * Whether the underlying error says that the server's answer did not come: the network failed (`TypeError`), our own
 * timeout expired, or what came is not JSON (a gateway's page, or half an answer), for which tRPC's links give no status.
 */
export function isLostAnswer(error: unknown): boolean {
  return /^(Type|Timeout|Syntax)Error$/.test(String((error as Partial<Error> | null | undefined)?.name));
}

/** `Retry-After` of RFC 9110, section 10.2.3, in milliseconds: seconds or a date. 0 when there is none. */
export function retryAfterMs(header: string | null | undefined): number {
  const text = String(header);
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Math.max(0, ms) || 0;
}
