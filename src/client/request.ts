/** What `fetch` was called with, and what of it decides about keys and retries. */
export interface RequestToSend {
  readonly input: Parameters<typeof globalThis.fetch>[0];
  readonly init: RequestInit | undefined;
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** As it was given to `fetch`; `undefined` when a `Request` carries it. */
  readonly body: RequestInit["body"];
  readonly signal: AbortSignal | undefined;
}

export function requestOf(
  input: Parameters<typeof globalThis.fetch>[0],
  init: RequestInit | undefined,
): RequestToSend {
  const request = isRequest(input) ? input : undefined;
  const signal = init?.signal === undefined ? request?.signal : init.signal;
  return {
    input,
    init,
    method: (init?.method ?? request?.method ?? "GET").toUpperCase(),
    url: request?.url ?? `${input as string | URL}`,
    headers: new Headers(init?.headers ?? request?.headers),
    body: init?.body,
    signal: signal ?? undefined,
  };
}

/** A stream can be read once. Of a `Request` we send copies, whatever its body is. */
export function isReplayable({ body }: RequestToSend): boolean {
  const given = Object(body) as object;
  return !("getReader" in given || Symbol.asyncIterator in given);
}

/** By its shape: a `URL` has no method, and a page may have a `Request` of another window. */
export function isRequest(input: Parameters<typeof globalThis.fetch>[0]): input is Request {
  return typeof input === "object" && "method" in input;
}
