import { typeOf } from "../../core/browser/option-checks.ts";

/**
 * Refuses what is no `Request`: it has no method that we know, and would pass untouched.
 *
 * @throws TypeError that says what the framework's handler has to pass on.
 */
export function checkRequest(given: unknown): void {
  const { method, url, headers, req, socket } = (given ?? {}) as Record<string, unknown>;
  if (typeof method === "string" && typeof url === "string" && isHeaders(headers)) {
    return;
  }
  throw new TypeError(
    `onceonly: the wrapped handler got ${nameOf(given, { req, socket })} in place of a Request; ${remedyOf({ req, socket })}.`,
  );
}

interface Clues {
  /** Of Hono's context. */
  readonly req: unknown;
  /** Of a request of node:http. */
  readonly socket: unknown;
}

function isHeaders(headers: unknown): boolean {
  return typeof (headers as Partial<Headers> | null | undefined)?.get === "function";
}

function nameOf(given: unknown, { req, socket }: Clues): string {
  return req !== undefined
    ? "a context"
    : socket !== undefined
      ? "a request of node:http"
      : `a value of type ${typeOf(given)}`;
}

function remedyOf({ req, socket }: Clues): string {
  if (req !== undefined) {
    return "pass its Request on: (c) => handler(c.req.raw, c)";
  }
  return socket === undefined
    ? "call it with a Request, as fetch-style frameworks do"
    : "wrap the handler with createServerAdapter of @whatwg-node/server";
}
