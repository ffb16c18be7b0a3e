import { fullJitter } from "../core/browser/jitter.ts";
import { KEY_HEADER, quotedKey, RETRY_HEADER } from "../core/browser/key-header.ts";
import { createIdempotencyKey } from "../core/browser/new-key.ts";
import { retryAfterMs } from "../core/browser/retryable.ts";
import { attemptTo, nothing } from "./attempt.ts";
import { type IdempotentFetchOptions, type Settings, settingsOf } from "./options.ts";
import { isReplayable, type RequestToSend, requestOf } from "./request.ts";

/**
 * A `fetch` that gives a mutating request a key, and keeps it across its own retries: after a network error, a time-out,
 * 408, 425, 429, 502, 503, 504, and a 409 that says `IN_PROGRESS` or `LEASE_LOST`. It waits a random, growing time in
 * between, never less than `Retry-After` says. A request that has the header `Idempotency-Key` keeps that key; one
 * without a key is passed on untouched and never repeated.
 *
 * One call is one intent: to call it again for the same intent, give the key yourself.
 *
 * When it gives up, it resolves or rejects as `fetch` does, with the last answer or error.
 *
 * @throws TypeError for an option that cannot be used
 */
export function idempotentFetch(options: IdempotentFetchOptions = {}): typeof globalThis.fetch {
  const settings = settingsOf(options);
  return async (input, init) => {
    const request = requestOf(input, init);
    if (!request.headers.has(KEY_HEADER)) {
      if (!settings.shouldKey(request)) {
        return settings.fetch(input, init);
      }
      request.headers.set(KEY_HEADER, quotedKey(createIdempotencyKey()));
    }
    return sendUntilAnswered(request, settings);
  };
}

/**
 * Tells the server to look for an answer first. Not another origin: a browser does not send a request with a header that the
 * other origin has not allowed.
 */
function markRetry({ url, headers }: RequestToSend): void {
  const page: { href: string; origin: string } | undefined = globalThis.location;
  if (page === undefined || new URL(url, page.href).origin === page.origin) {
    headers.set(RETRY_HEADER, "?1");
  }
}

async function sendUntilAnswered(
  request: RequestToSend,
  { fetch, attemptsMax, attemptMs, totalMs, backoffMs, backoffMsMax }: Settings,
): Promise<Response> {
  const { request: input, init, signal } = request;
  const send = (until: AbortSignal) => fetch(input.clone?.() ?? input.url, { ...init, signal: until });
  const deadline = Date.now() + totalMs;
  const attempts = isReplayable(request) ? attemptsMax : 1;
  for (let attempt = 1; ; attempt += 1) {
    const { response, error, isRetryable } = await attemptTo(
      send,
      signal,
      Math.min(attemptMs, deadline - Date.now()),
    );
    const waitMs =
      retryAfterMs(response?.headers.get("retry-after")) + fullJitter(attempt - 1, backoffMs, backoffMsMax);
    if (isRetryable && attempt < attempts && Date.now() + waitMs < deadline) {
      // If the pause is aborted, so is the next attempt, before anything is sent.
      await attemptTo(nothing, signal, waitMs);
      // A device that slept meanwhile may wake after the server has forgotten the key.
      if (Date.now() < deadline) {
        markRetry(request);
        continue;
      }
    }
    if (response) {
      return response;
    }
    throw error;
  }
}
