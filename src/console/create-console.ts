import { warn } from "../core/contract/callbacks.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import { isResponse, type Operator, operatorOf } from "./access/operator.ts";
import { plainAnswer, withoutBody } from "./answer.ts";
import { askToForget, forgetRecord } from "./forgetting.ts";
import { type ConsoleOptions, type ResolvedConsoleOptions, resolveConsoleOptions } from "./options.ts";
import { OverviewCache } from "./overview-cache.ts";
import { showMessage, showOverview, showRecord, showRecords } from "./routes.ts";
import type { Visit } from "./visit.ts";

/** Answers the requests of a browser. */
export type ConsoleHandler = (request: Request) => Promise<Response>;

const WARNING = "OnceonlyConsoleWarning";

/**
 * Makes pages on which support looks up records, and forgets them if it may. Mount the handler for GET, HEAD and POST, at `basePath` and
 * all paths below it. The pages need no script.
 *
 * @returns a handler that rejects with a TypeError only for what is no `Request`.
 * @throws TypeError for an option that cannot be used, and if there is no `authorize`.
 */
export function createConsole(options: ConsoleOptions): ConsoleHandler {
  const resolved = resolveConsoleOptions(options);
  const overview = new OverviewCache(resolved.idempotency);
  return async (request) => {
    checkRequest(request);
    const operator = await admitted(request, resolved);
    if (isResponse(operator)) {
      return operator;
    }
    const { idempotency, base } = resolved;
    const visit: Visit = { request, url: new URL(request.url), idempotency, overview, base, operator };
    const response = await answered(visit);
    return request.method === "HEAD" ? withoutBody(response) : response;
  };
}

function checkRequest(request: unknown): asserts request is Request {
  const { url, headers } = (request ?? {}) as Partial<Request>;
  if (typeof headers?.get !== "function" || !URL.canParse(url ?? "")) {
    throw new TypeError(
      "onceonly: the console got no Request of the Fetch API; on Express and Fastify, mount it through an adapter such as that of @whatwg-node/server.",
    );
  }
}

/** Whoever is let in, or the response to those who are not. */
async function admitted(
  request: Request,
  { authorize }: ResolvedConsoleOptions,
): Promise<Operator | Response> {
  try {
    const said = await authorize(request);
    return isResponse(said) ? said : (operatorOf(said) ?? plainAnswer(403, "Forbidden"));
  } catch (error) {
    warn(WARNING, "the console let nobody in, as its option authorize failed", error);
    return plainAnswer(500, "Internal Server Error");
  }
}

async function answered(visit: Visit): Promise<Response> {
  try {
    return await routed(visit);
  } catch (error) {
    return failed(visit, error);
  }
}

interface Route {
  readonly path: RegExp;
  readonly get: (visit: Visit, id: string) => Promise<Response>;
  readonly post?: (visit: Visit, id: string) => Promise<Response>;
}

const ROUTES: readonly Route[] = [
  { path: /^\/?$/, get: showRecords },
  { path: /^\/overview$/, get: showOverview },
  { path: /^\/records\/(?<id>[\w-]{43})$/, get: showRecord },
  { path: /^\/records\/(?<id>[\w-]{43})\/forget$/, get: askToForget, post: forgetRecord },
];

async function routed(visit: Visit): Promise<Response> {
  const { request, url, base } = visit;
  const isBelow = url.pathname === base || url.pathname.startsWith(`${base}/`);
  const path = isBelow ? url.pathname.slice(base.length) : undefined;
  for (const { path: pattern, get, post } of path === undefined ? [] : ROUTES) {
    const match = pattern.exec(path ?? "");
    if (match !== null) {
      const id = match.groups?.["id"] ?? "";
      const handle =
        request.method === "POST" ? post : ["GET", "HEAD"].includes(request.method) ? get : undefined;
      return handle === undefined ? showMethodNotAllowed(visit, post !== undefined) : handle(visit, id);
    }
  }
  const text = isBelow
    ? "There is no such page in this console."
    : `This console stands at ${base || "/"} by its option basePath, and the request came for another path.`;
  return showMessage(visit, 404, "Page not found", text);
}

function showMethodNotAllowed(visit: Visit, hasPost: boolean): Response {
  const allow = hasPost ? "GET, HEAD, POST" : "GET, HEAD";
  return showMessage(visit, 405, "Method not allowed", `This page can be asked for by ${allow}.`, { allow });
}

/** What went wrong is for the application's log. */
function failed(visit: Visit, error: unknown): Response {
  warn(WARNING, `the console could not answer ${visit.request.method} ${visit.url.pathname}`, error);
  const code = isIdempotencyError(error) ? error.code : undefined;
  if (code === "STORE_UNAVAILABLE") {
    const text =
      "The database cannot be reached, or does not answer in time. Nothing is known of the record; try again.";
    return showMessage(visit, 503, "The database is away", text);
  }
  const text =
    code === "STORE_MISCONFIGURED"
      ? "The tables of this application are not set up as they should be: have it call idempotency.check(), which says why."
      : "The page could not be made. The reason is in the log of the application.";
  return showMessage(visit, 500, "Something went wrong", text);
}
