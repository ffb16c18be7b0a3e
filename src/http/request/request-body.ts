import { discardRest, readChunks, TooManyBytesError } from "../../core/adapter/body.ts";
import { RefusedRequestError } from "../problems/problem.ts";
import { type ParsedBody, parsedBodyIn } from "./parsed-body.ts";

/** A request whose body was read once and can be read again by the handler. */
export interface BufferedRequest<TRequest> {
  readonly body: Uint8Array | ParsedBody;
  /** The request with its body unread: a run that is repeated executes its handler again. */
  unread(): TRequest;
}

/**
 * Reads the body to compare it with a retry's, and leaves the handler a request that still has its body. One that the framework
 * has parsed before is taken from `arg`, the handler's second argument.
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
  const parsed = await parsedBodyIn(arg, request.headers.get("content-type") ?? "");
  if (parsed !== undefined) {
    return { body: parsed, unread: () => withBytes(request, parsed.bytes) };
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

/** A request of @whatwg-node/server gives what Express has parsed; without bytes, the framework hands the body out. */
function withBytes<TRequest extends Request>(request: TRequest, bytes: Uint8Array | undefined): TRequest {
  return bytes === undefined ? request : (requestWith(Request, request, bytes) as TRequest);
}

async function readOnce<TRequest extends Request>(
  request: TRequest,
  bytesMax: number,
): Promise<BufferedRequest<TRequest> & { readonly body: Uint8Array }> {
  if (request.body === null) {
    // No body, or one that Express has already parsed: @whatwg-node/server gives that as a text, as often as asked.
    return { body: new TextEncoder().encode(await request.text()), unread: () => request };
  }
  const copy = request.clone();
  const body = await bodyOf(copy, request, bytesMax);
  // A request of @whatwg-node/fetch returns itself as its clone, and has been read by now, whatever it says.
  const isRead = copy === request;
  const kind = isRead ? Request : (request.constructor as typeof Request);
  return {
    body,
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
  { url, method, headers, signal }: Request,
  body: Uint8Array,
): Request {
  const copied = new Headers();
  headers.forEach((value, name) => {
    copied.append(name, value);
  });
  return new Kind(url, {
    method,
    headers: copied,
    signal,
    ...(body.length === 0 ? {} : { body: body as Uint8Array<ArrayBuffer> }),
  });
}

function tooLarge(bytesMax: number): RefusedRequestError {
  return new RefusedRequestError(
    "BODY_TOO_LARGE",
    `The request's body is longer than the ${bytesMax} bytes that are accepted.`,
  );
}
