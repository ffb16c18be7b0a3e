import { KEY_HEADER } from "../core/browser/key-header.ts";

/** What `fetch` was called with, and the parts of it that decide about keys and retries. */
export interface RequestToSend {
  readonly request: Partial<Request> & { readonly url: string };
  readonly init: RequestInit;
  /** In upper case. */
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** As it was given to `fetch`; `undefined` when a `Request` carries it. */
  readonly body: RequestInit["body"];
  readonly signal: AbortSignal | null | undefined;
}

/**
 * Like `fetch`, it takes a snapshot of its arguments: a caller that changes its `init` or `URL` for the next call changes
 * nothing of what a later attempt of this one sends.
 */
export function requestOf(input: Parameters<typeof globalThis.fetch>[0], init?: RequestInit): RequestToSend {
  if (isRequest(init)) {
    // `{ ...init }` would copy nothing of a `Request`. `init` stays unread, for a request that gets no key.
    return requestOf(new Request(input, init.clone()));
  }
  const request: Partial<Request> & { readonly url: string } = isRequest(input) ? input : { url: `${input}` };
  const headers = new Headers(init?.headers ?? request.headers);
  return {
    request,
    init: { ...init, headers },
    method: (init?.method ?? request.method ?? "GET").toUpperCase(),
    url: request.url,
    headers,
    body: init?.body,
    signal: init?.signal === undefined ? request.signal : init.signal,
  };
}

/**
 * A stream can be read only once; of a `Request` we send copies, whatever its body is. Repeating a batch in which a call
 * has no key (`?0`) would execute that call again.
 */
export function isReplayable({ body, headers }: RequestToSend): boolean {
  const given = Object(body) as object;
  return !(
    "getReader" in given ||
    Symbol.asyncIterator in given ||
    /(^|,)\s*\?0/.test(String(headers.get(KEY_HEADER)))
  );
}

/** Checked by shape: a page may have a `Request` from another window. */
function isRequest(given: unknown): given is Request {
  return "clone" in (Object(given) as object);
}
