import { type Told, toldHeaders } from "../../core/adapter/told-outcome.ts";

/** Request headers as Node represents them. */
export type NodeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The part of Node's `ServerResponse` that sets a header. */
export interface NodeResponse {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
}

/** The part of a `FastifyReply` that sets a header. */
export interface FastifyResponse {
  readonly sent: boolean;
  header(name: string, value: string): unknown;
}

/** The part of tRPC's `TRPCRequestInfo` that tells which calls an HTTP request carries. */
export interface RequestInfo {
  readonly isBatchCall: boolean;
  readonly calls: readonly {
    readonly path: string;
    readonly getRawInput: () => Promise<unknown>;
    /** tRPC's own, for its own use. */
    readonly procedure?: unknown;
  }[];
}

/** Where an HTTP request's headers and answer are found. */
export interface RequestParts {
  readonly headers: Headers | NodeHeaders | undefined;
  /** What `createContext` got as `info`. Without it, no key is taken from a header. */
  readonly info: RequestInfo | undefined;
  /** Fetch adapter: the headers of the response, as `createContext` got them. */
  readonly resHeaders?: Headers | undefined;
  /** Node adapters: the response; under Fastify the reply. */
  readonly res?: NodeResponse | FastifyResponse | undefined;
}

/** Finds the parts in a context that keeps them under tRPC's own names. */
export function requestIn({ ctx }: { readonly ctx: unknown }): RequestParts {
  const { req, headers, info, resHeaders, res } = (ctx ?? {}) as Partial<RequestParts> & {
    readonly req?: Pick<RequestParts, "headers">;
  };
  return { headers: req?.headers ?? headers, info, resHeaders, res };
}

/** The part of a procedure call that tells it from all others. */
interface CallIdentity {
  readonly path: string;
  readonly batchIndex: number;
  readonly getRawInput: () => Promise<unknown>;
}

/**
 * Whether the HTTP request carries this very call. A call that a handler makes through `createCaller` shares the
 * handler's context, and every call over a WebSocket shares the context of the upgrade request: the headers in it are not
 * their own.
 */
export function isCallOf(info: RequestInfo, { path, batchIndex, getRawInput }: CallIdentity): boolean {
  const call = info.calls[batchIndex];
  return call?.path === path && call.getRawInput === getRawInput;
}

/** What a call of the HTTP request calls; `undefined` for any other call, or if tRPC does not say. */
export function procedureOf(info: RequestInfo | undefined, call: CallIdentity): unknown {
  return info !== undefined && isCallOf(info, call) ? info.calls[call.batchIndex]?.procedure : undefined;
}

/** Reads a header, named in lower case, from any form in which servers keep headers. */
export function headerIn(headers: RequestParts["headers"], name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) {
    return undefined;
  }
  if (typeof headers.get === "function") {
    return (headers as Headers).get(name) ?? undefined;
  }
  const entry = Object.entries(headers).find(([given]) => given.toLowerCase() === name);
  const value: unknown = entry?.[1];
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : undefined;
}

/**
 * What each call of a request has to tell, in the order of the calls. By the list of the calls: applications may make a
 * context, and an `info`, of their own.
 */
const toldOf = new WeakMap<RequestInfo["calls"], (Told | undefined)[]>();

/** Tells in the response's headers how a keyed call ended. In a batch they are lists, which grow as its calls end. */
export function tell(request: RequestParts, call: CallIdentity, told: Told): void {
  const { info } = request;
  if (info === undefined || !isCallOf(info, call)) {
    return;
  }
  const calls = toldOf.get(info.calls) ?? info.calls.map(() => undefined);
  calls[call.batchIndex] = told;
  toldOf.set(info.calls, calls);
  for (const [name, value] of toldHeaders(calls)) {
    setHeader(request, name, value);
  }
}

const retryAfterOf = new WeakMap<RequestInfo["calls"], number>();

/** Asks for a pause before a call is repeated. A batch has one such header: that of the call with the longest pause. */
export function tellRetryAfter(request: RequestParts, call: CallIdentity, afterMs: number): void {
  const { info } = request;
  if (info === undefined || !isCallOf(info, call)) {
    return;
  }
  const longest = Math.max(afterMs, retryAfterOf.get(info.calls) ?? 0);
  retryAfterOf.set(info.calls, longest);
  setHeader(request, "retry-after", String(Math.ceil(longest / 1_000)));
}

/** Sets a header if that is still possible. Never fails: a header is a hint, and the mutation is done. */
function setHeader({ resHeaders, res }: RequestParts, name: string, value: string): void {
  try {
    if (resHeaders !== undefined) {
      resHeaders.set(name, value);
    } else if (res !== undefined && "setHeader" in res) {
      if (!res.headersSent) {
        res.setHeader(name, value);
      }
    } else if (res?.sent === false) {
      res.header(name, value);
    }
  } catch {
    // Sent in the meantime, or frozen.
  }
}
