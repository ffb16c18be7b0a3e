/** Request headers as Node represents them. */
export type NodeHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The part of Node's `ServerResponse` that sets a header. */
export interface NodeResponse {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
}

/** The part of tRPC's `TRPCRequestInfo` that tells which calls an HTTP request carries. */
export interface RequestInfo {
  readonly isBatchCall: boolean;
  readonly calls: readonly { readonly path: string; readonly getRawInput: () => Promise<unknown> }[];
}

/** Where an HTTP request's headers and answer are found. */
export interface RequestParts {
  readonly headers: Headers | NodeHeaders | undefined;
  /** What `createContext` got as `info`. Without it, no key is taken from a header. */
  readonly info: RequestInfo | undefined;
  /** Fetch adapter: the headers of the response, as `createContext` got them. */
  readonly resHeaders?: Headers | undefined;
  /** Node adapters: the response. */
  readonly res?: NodeResponse | undefined;
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
 * Sets a response header, if that is still possible and the response answers no call but `call`. Never fails: a header is
 * a hint, and the mutation is done.
 */
export function setResponseHeader(
  { info, resHeaders, res }: RequestParts,
  call: CallIdentity,
  name: string,
  value: string,
): void {
  if (info?.calls.length !== 1 || !isCallOf(info, call)) {
    return;
  }
  try {
    if (resHeaders !== undefined) {
      resHeaders.set(name, value);
    } else if (res?.headersSent === false) {
      res.setHeader(name, value);
    }
  } catch {
    // Sent in the meantime, or frozen.
  }
}
