import { isRetryableAnswer } from "../core/browser/retryable.ts";

/** How one attempt ended: with an answer, or with what `fetch` rejected with. */
interface Attempt {
  readonly response?: Response;
  readonly error?: unknown;
  readonly isRetryable: boolean;
}

/** Answers that are read while the server is still writing them. */
const STREAMED = /^(text\/event-stream|multipart\/)/i;

/**
 * Sends a request once and reads its answer to the end, both within `timeoutMs` and until the caller's `signal` aborts.
 */
export async function attemptTo(
  send: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | null | undefined,
  timeoutMs: number,
): Promise<Attempt> {
  // Not AbortSignal.any: Node 20 may garbage-collect the signal it makes while the request still runs.
  const controller = new AbortController();
  const stop = () => controller.abort(signal?.reason);
  const timer = setTimeout(() => controller.abort(new DOMException("No answer.", "TimeoutError")), timeoutMs);
  signal?.addEventListener("abort", stop);
  let isStreamed = false;
  try {
    signal?.throwIfAborted();
    const response = await send(controller.signal);
    isStreamed = response.ok && STREAMED.test(String(response.headers.get("content-type")));
    // A connection may also break in the middle of the answer, which whoever reads it could not repair.
    const text = isStreamed ? "" : await response.clone().text();
    return { response, isRetryable: isRetryableAnswer(response.status, text) };
  } catch (error) {
    return { error, isRetryable: !signal?.aborted };
  } finally {
    clearTimeout(timer);
    if (!isStreamed) {
      signal?.removeEventListener("abort", stop);
    }
  }
}

/** Sends nothing, and gets no answer until it is aborted: an attempt to send this is a pause. */
export function nothing(until: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    until.addEventListener("abort", reject);
  });
}
