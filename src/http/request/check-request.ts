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
  const [found, remedy] = mistakeOf(given, { req, socket });
  throw new TypeError(`onceonly: the wrapped handler got ${found} in place of a Request; ${remedy}.`);
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

function mistakeOf(given: unknown, { req, socket }: Clues): readonly [found: string, remedy: string] {
  if (req !== undefined) {
    return ["a context", "pass its Request on: (c) => handler(c.req.raw, c)"];
  }
  return socket === undefined
    ? [`a value of type ${typeOf(given)}`, "call it with a Request, as fetch-style frameworks do"]
    : ["a request of node:http", "wrap the handler with createServerAdapter of @whatwg-node/server"];
}
