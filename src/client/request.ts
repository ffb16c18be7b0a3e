/** What `fetch` was called with, and what of it decides about keys and retries. */
export interface RequestToSend {
  readonly input: Parameters<typeof globalThis.fetch>[0];
  readonly init: RequestInit | undefined;
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
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
    url: typeof input === "string" ? input : "href" in input ? input.href : input.url,
    headers: new Headers(init?.headers ?? request?.headers),
    signal: signal ?? undefined,
  };
}

export function bodyOf({ init }: RequestToSend): RequestInit["body"] {
  return init?.body;
}

/** A stream can be read once. Of a `Request` we send copies, whatever its body is. */
export function isReplayable({ init }: RequestToSend): boolean {
  const body: unknown = init?.body;
  return typeof body !== "object" || body === null || !("getReader" in body || Symbol.asyncIterator in body);
}

/** By its shape: a `URL` has no method, and a page may have a `Request` of another window. */
export function isRequest(input: Parameters<typeof globalThis.fetch>[0]): input is Request {
  return typeof input === "object" && "method" in input;
}
