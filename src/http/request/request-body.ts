import { discardRest, readChunks, TooManyBytesError } from "../../core/adapter/body.ts";
import { RefusedRequestError } from "../problems/problem.ts";
import { bodyReadByHono } from "./hono-body.ts";
import { bodyParsedBefore, ParsedBody } from "./parsed-body.ts";

/** A request whose body was read once and can be read again by the handler. */
export interface BufferedRequest<TRequest> {
  readonly body: Uint8Array | ParsedBody;
  /** Those of the request, with the type that the body has now. */
  readonly headers: Headers;
  /** The request with its body unread: a run that is repeated executes its handler again. */
  unread(): TRequest;
}

/**
 * Reads the body to compare it with a retry's, and leaves the handler a request that still has its body. One that the framework
 * has read before is taken from `arg`, the handler's second argument.
 *
 * @throws {@link RefusedRequestError} `BODY_TOO_LARGE`; `BODY_INVALID` for a body that breaks off.
 */
export async function bufferRequest<TRequest extends Request>(
  request: TRequest,
  bytesMax: number,
  arg: unknown,
): Promise<BufferedRequest<TRequest>> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > bytesMax) {
    throw tooLarge(bytesMax);
  }
  const buffered = request.bodyUsed ? undefined : await readOnce(request, bytesMax);
  if (buffered !== undefined && buffered.body.length > 0) {
    return buffered;
  }
  const before = await readBefore(request, arg);
  if (before?.body instanceof Uint8Array && before.body.length > bytesMax) {
    throw tooLarge(bytesMax);
  }
  if (before !== undefined) {
    return before;
  }
  if (buffered === undefined || announced > 0) {
    // Compared as empty, it would equal every other such body.
    throw new TypeError(
      "onceonly: the request's body was read before withIdempotency; let the handler read it, give a clone() to whoever " +
        "reads it before, or pass what has parsed it as the second argument: Hono's context, or { req } of Express or Fastify.",
    );
  }
  return buffered;
}

/** The request as a handler gets it that runs without a record: the body is left to the handler, unless it was read before. */
export async function readableRequest<TRequest extends Request>(
  request: TRequest,
  arg: unknown,
): Promise<TRequest> {
  if (!request.bodyUsed && (request.body !== null || (await request.text()) !== "")) {
    return request;
  }
  // What nobody could read is up to the handler.
  const before = await readBefore(request, arg).catch(() => undefined);
  return before?.unread() ?? request;
}

/** What the framework has read of the body. A request of @whatwg-node/server gives most of what Express has parsed by itself. */
async function readBefore<TRequest extends Request>(
  request: TRequest,
  arg: unknown,
): Promise<BufferedRequest<TRequest> | undefined> {
  const headers = copyOf(request.headers);
  const read = await bodyReadByHono(arg, headers.get("content-type") ?? "");
  if (read?.type !== undefined) {
    headers.set("content-type", read.type);
  }
  const body = read?.bytes ?? bodyParsedBefore(arg, headers);
  if (body === undefined) {
    return undefined;
  }
  const bytes = () => (body instanceof ParsedBody ? body.bytes : body);
  const { url, method, signal } = request;
  return {
    body,
    headers,
    unread: () => requestWith(Request, { url, method, headers, signal }, bytes()) as TRequest,
  };
}

async function readOnce<TRequest extends Request>(
  request: TRequest,
  bytesMax: number,
): Promise<BufferedRequest<TRequest> & { readonly body: Uint8Array }> {
  if (request.body === null) {
    // No body, or one that Express has already parsed: @whatwg-node/server gives that as a text, as often as asked.
    const body = new TextEncoder().encode(await request.text());
    return { body, headers: request.headers, unread: () => request };
  }
  const copy = request.clone();
  const body = await bodyOf(copy, request, bytesMax);
  // A request of @whatwg-node/fetch returns itself as its clone, and has been read by now, whatever it says.
  const isRead = copy === request;
  const kind = isRead ? Request : (request.constructor as typeof Request);
  return {
    body,
    headers: request.headers,
    unread: () => (isRead || request.bodyUsed ? (requestWith(kind, request, body) as TRequest) : request),
  };
}

async function bodyOf(copy: Request, request: Request, bytesMax: number): Promise<Uint8Array> {
  const stream: ReadableStream<unknown> | null = copy.body ?? request.body;
  const reader = (stream as ReadableStream<unknown>).getReader();
  try {
    return Buffer.concat(await readChunks(reader, bytesMax));
  } catch (error) {
    if (copy !== request) {
      // Otherwise it would keep what the copy reads. It ends when both are cancelled.
      void request.body?.cancel().catch(() => undefined);
    }
    void discardRest(reader);
    if (error instanceof TooManyBytesError) {
      throw tooLarge(bytesMax);
    }
    throw new RefusedRequestError("BODY_INVALID", "The request's body broke off.", error);
  }
}

/** @param Kind the class of the request, such as Next.js' own. */
function requestWith(
  Kind: typeof Request,
  { url, method, headers, signal }: Pick<Request, "url" | "method" | "headers" | "signal">,
  body: Uint8Array,
): Request {
  return new Kind(url, {
    method,
    headers: copyOf(headers),
    signal,
    ...(body.length === 0 ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  });
}

/** Not `new Headers(given)`: some servers' requests have headers of a class of their own. */
function copyOf(headers: Headers): Headers {
  const copy = new Headers();
  headers.forEach((value, name) => {
    copy.append(name, value);
  });
  return copy;
}

function tooLarge(bytesMax: number): RefusedRequestError {
  return new RefusedRequestError(
    "BODY_TOO_LARGE",
    `The request's body is longer than the ${bytesMax} bytes that are accepted.`,
  );
}
