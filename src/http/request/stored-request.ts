import { headerNames } from "./header-names.ts";
import { ParsedBody } from "./parsed-body.ts";
import type { BufferedRequest } from "./request-body.ts";
import { bytesOf, type StoredBody, storedBody } from "./stored-body.ts";

/**
 * A request as data that any codec can write: all that a leased handler gets of it. A completer has nothing else, and what the
 * handler could read at first but not later would be found missing only after a crash.
 */
export interface StoredRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: StoredBody;
}

/** Headers without which the body cannot be read. */
const OF_THE_BODY = ["content-type", "content-encoding", "content-language"];

/** They say who asks, and let anybody who reads them ask again. */
const SECRET: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "set-cookie"]);

/** Not every token is one to sign in with: `x-page-token` is none. */
const LIKE_SECRET = {
  pattern:
    /(^|-)(api-?key|secret(-key)?|password|passwd|jwt|(access|api|auth|authorization|bearer|csrf|id|refresh|security|session|xsrf)-?token)$/,
  text: ", and of keys, tokens and passwords such as x-api-key and x-auth-token",
};

/** @throws TypeError for a name that is not a header's, or that must not be stored. */
export function requestHeadersOf(names: unknown): ReadonlySet<string> {
  const given = headerNames(names, {
    option: "requestHeaders",
    example: "x-api-version",
    never: SECRET,
    neverLike: LIKE_SECRET,
    reason: ", as they are stored in the clear; who asks is for the handler's third argument",
  });
  return new Set([...OF_THE_BODY, ...given]);
}

/** What is kept of a request whose body has been read. */
export function storedRequest(
  { method, url }: Pick<Request, "method" | "url">,
  { headers, body }: Pick<BufferedRequest<Request>, "headers" | "body">,
  names: ReadonlySet<string>,
): StoredRequest {
  const bytes = body instanceof ParsedBody ? body.bytes : body;
  const kept: [string, string][] = [];
  headers.forEach((value, name) => {
    if (names.has(name.toLowerCase())) {
      kept.push([name.toLowerCase(), value]);
    }
  });
  return { method, url, headers: kept, body: bytes.length === 0 ? null : storedBody(bytes) };
}

/** A request of its own for each execution. */
export function requestFrom({ method, url, headers, body }: StoredRequest): Request {
  return new Request(url, {
    method,
    headers: headers.map(([name, value]) => [name, value]),
    body: bytesOf(body),
  });
}

/** @throws Error for an input that was stored by something else than a wrapped handler. */
export function checkStoredRequest(input: unknown, operation: string): StoredRequest {
  const { method, url } = (input ?? {}) as Partial<Record<keyof StoredRequest, unknown>>;
  if (typeof method !== "string" || typeof url !== "string") {
    throw new Error(
      `onceonly: the stored input of ${operation} is not a request; what begins runs of that operation, besides the handler ` +
        "of withIdempotency, needs another name.",
    );
  }
  return input as StoredRequest;
}
