import { isRetryableAnswer } from "../core/retryable.ts";
import { isRequest, type RequestToSend } from "./request.ts";

/** How one attempt ended: with an answer, or with what `fetch` rejected with. */
interface Attempt {
  readonly response?: Response;
  readonly error?: unknown;
  readonly isRetryable: boolean;
}

/** Answers that are read while the server still writes them. */
const STREAMED = /^(text\/event-stream|multipart\/)/i;

/** Sends a request once and reads its answer to the end, both within `timeoutMs`. */
export async function send(
  fetch: typeof globalThis.fetch,
  { input, init, headers, signal }: RequestToSend,
  timeoutMs: number,
): Promise<Attempt> {
  const timeout = new AbortController();
  const timer = setTimeout(
    () => timeout.abort(new DOMException("No answer in time.", "TimeoutError")),
    timeoutMs,
  );
  try {
    const response = await fetch(isRequest(input) ? input.clone() : input, {
      ...init,
      headers,
      signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal,
    });
    const isStreamed = response.ok && STREAMED.test(response.headers.get("content-type") ?? "");
    // A connection may break in the middle of the answer too, which whoever reads it could not repair.
    const text = isStreamed ? "" : await response.clone().text();
    return { response, isRetryable: isRetryableAnswer(response.status, text) };
  } catch (error) {
    return { error, isRetryable: !signal?.aborted };
  } finally {
    clearTimeout(timer);
  }
}
