/** Statuses after which the same request with the same key may be sent again, whoever answered so. */
const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 502, 503, 504]);

// How the adapters say IN_PROGRESS, LEASE_LOST and STORE_UNAVAILABLE: the type of a problem document, GraphQL's
// extensions.code, and for tRPC, whose CONFLICT may also be the application's own, the message.
const OURS =
  /onceonly\.dev\/problems\/(in-progress|lease-lost)|IDEMPOTENCY_(CONCURRENT|LEASE|STORE)_|idempotency key is being|lost to another executor/;

/** Whether a text, the body of an answer or the message of an error, asks for the same request with the same key. */
export function asksForRetry(text: string): boolean {
  return OURS.test(text);
}

/** Whether an answer with this status and text asks for the same request again. A 409 does only if it is ours. */
export function isRetryableAnswer(status: number, text: string): boolean {
  return RETRYABLE_STATUS.has(status) || (status === 409 && asksForRetry(text));
}

/**
 * Whether the error below says that the server's answer did not come: the network failed (`TypeError`), our own time ran
 * out, or what came is not JSON. tRPC's links give no status with the last one: a gateway's page, or half an answer.
 */
export function isLostAnswer(error: unknown): boolean {
  const { name } = (error ?? {}) as { readonly name?: unknown };
  return /^(Type|Timeout|Syntax)Error$/.test(String(name));
}

/** `Retry-After` of RFC 9110, section 10.2.3, in milliseconds: seconds or a date. 0 when there is none. */
export function retryAfterMs(header: string | null | undefined): number {
  const text = String(header);
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Math.max(0, ms) || 0;
}
