import { createHash } from "node:crypto";
import { KEY_HEADER, parseKeyHeader, RETRY_HEADER, saysRetry } from "../core/adapter/key-header.ts";
import { checkKeyRequired } from "../core/adapter/options.ts";
import { misuse } from "../core/browser/option-checks.ts";
import { answeredAtOnce, told, warn } from "../core/contract/callbacks.ts";
import { type AnyIdempotencyError, isIdempotencyError } from "../core/contract/errors/errors.ts";
import { tellRefusal } from "../core/events/call-events.ts";
import { type HttpHandler, type HttpLeaseHandler, handleUntouched, type ModeHandler } from "./context.ts";
import type { AnyModeOptions, HttpIdempotencyOptions, HttpLeaseOptions } from "./options.ts";
import { type ProblemHeaders, problemResponse, RefusedRequestError } from "./problems/problem.ts";
import { checkRequest } from "./request/check-request.ts";
import { routedPath } from "./request/comparable-request.ts";
import { keyMissing } from "./request/key.ts";
import { tellingProblem } from "./response/told-response.ts";
import { type ResumableHandler, resumableOf } from "./resumable.ts";
import { type Call, type Route, runKeyed, runUnkeyed } from "./run-request.ts";
import { type Settings, settingsOf } from "./settings.ts";

/** The name of the process warnings. */
const WARNING = "OnceonlyHttpWarning";

/** What {@link withIdempotency} returns. The second argument is required if the handler uses it. */
export type WrappedHandler<TRequest, TArg> = (
  request: TRequest,
  ...rest: unknown extends TArg ? [arg?: TArg] : [arg: TArg]
) => Promise<Response>;

/** What {@link withIdempotency} returns in mode `lease`. */
export type LeasedHandler<TRequest, TArg> = WrappedHandler<TRequest, TArg> & {
  /** For {@link httpCompleter}. */
  readonly resumable: ResumableHandler<TArg>;
};

/**
 * Makes a `fetch`-style handler exactly-once: a retry with the same key gets the stored response, and what the handler
 * writes through `tx` commits together with that response.
 *
 *     export const POST = withIdempotency({ idempotency, scope }, async (request, { tx }) => Response.json(...));
 *
 * POST and PATCH need the header `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07); PUT and DELETE do if
 * option `methods` names them; GET, HEAD and OPTIONS pass through untouched, without `tx`. A retry must repeat method,
 * path, query and body.
 *
 * Status, body and the headers that describe it are stored. The body is read to its end inside the transaction. A
 * response with a status of 400 or above, returned or thrown, undoes the handler's writes; see {@link outcomeOf}.
 * Anything else that the handler throws is rolled back and rethrown to the framework, unless `storeError` accepts it.
 *
 * Every answer to a keyed request tells in its header `Idempotency-Outcome` whether it is `stored` under the key, or the
 * key is `released`, which is to say free, or `refused` as that of another request. A replay has the header
 * `Idempotent-Replayed: true`. Failures are answered with `application/problem+json`: 400 for a key
 * that is missing or malformed, or a body that is not what its Content-Type says, 409 while a duplicate is executing, 413,
 * 422 for a key used before with another request, 500 for a response that cannot be stored or read and for a scope
 * function that gave nothing, 503 without a database.
 *
 * With `mode: "lease"` there is no `tx`: the handler may call other services and take its time. It does both in `step` and
 * `transaction`, which are recorded one by one, and gets of the request only what {@link httpCompleter} can give it again:
 * method, URL, body and the headers that `requestHeaders` names.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
export function withIdempotency<TTransaction, TRequest extends Request = Request, TArg = unknown>(
  options: HttpLeaseOptions<TTransaction, TRequest, NoInfer<TArg>>,
  handler: HttpLeaseHandler<TTransaction, TArg>,
): LeasedHandler<TRequest, TArg>;
export function withIdempotency<TTransaction, TRequest extends Request = Request, TArg = unknown>(
  options: HttpIdempotencyOptions<TTransaction, TRequest, NoInfer<TArg>>,
  handler: HttpHandler<TTransaction, TRequest, TArg>,
): WrappedHandler<TRequest, TArg>;
export function withIdempotency<TTransaction, TRequest extends Request, TArg>(
  options: AnyModeOptions<TTransaction, TRequest, TArg>,
  handle: (request: TRequest, context: never, arg: TArg) => Response | Promise<Response>,
): WrappedHandler<TRequest, TArg> {
  const settings = settingsOf(options);
  const { mode, operation } = settings;
  if (typeof handle !== "function") {
    const context = mode === "lease" ? "step, transaction" : "tx";
    throw misuse(
      "(the second argument)",
      handle,
      `a handler such as async (request, { ${context} }) => Response.json({})`,
    );
  }
  const handler = { mode, handle } as ModeHandler<TTransaction, TRequest, TArg>;
  const wrapped = async (request: TRequest, arg: TArg): Promise<Response> => {
    checkRequest(request);
    if (!settings.methods.has(request.method)) {
      return handleUntouched(handler, request, arg);
    }
    try {
      return await answer({ settings, handler }, { request, arg });
    } catch (error) {
      if (!isProblem(error)) {
        throw error;
      }
      void told(WARNING, "The callback onProblem failed", () => settings.onProblem?.(error, request));
      const problem = problemResponse(error, {
        documentation: settings.documentation,
        headers: headersOf(settings, request),
      });
      return tellingProblem(problem, error);
    }
  };
  if (handler.mode === "lease" && typeof operation === "string") {
    Object.assign(wrapped, { resumable: resumableOf(settings, handler.handle, operation) });
  }
  return wrapped as WrappedHandler<TRequest, TArg>;
}

/** A problem is answered even if nobody can say with which headers. */
function headersOf<TRequest extends Request>(
  { problemHeaders }: Pick<Settings<unknown, TRequest, never>, "problemHeaders">,
  request: TRequest,
): ProblemHeaders | undefined {
  if (typeof problemHeaders !== "function") {
    return problemHeaders;
  }
  try {
    return Object.fromEntries(new Headers(answeredAtOnce("problemHeaders", problemHeaders(request))));
  } catch (error) {
    warn(WARNING, "The callback problemHeaders failed", error);
    return undefined;
  }
}

function isProblem(error: unknown): error is AnyIdempotencyError | RefusedRequestError {
  return isIdempotencyError(error) || error instanceof RefusedRequestError;
}

async function answer<TTransaction, TRequest extends Request, TArg>(
  { settings, handler }: Pick<Route<TTransaction, TRequest, TArg>, "settings" | "handler">,
  call: Call<TRequest, TArg>,
): Promise<Response> {
  const { scope } = settings;
  const { request, arg } = call;
  const operation = await operationOf(settings, request, arg);
  const key = await keyOf(settings, operation, call).catch((error: unknown) => {
    tellRefusal(error, operation);
    throw error;
  });
  if (key === undefined) {
    return runUnkeyed({ settings, handler, idempotency: await settings.idempotency.of(request, arg) }, call);
  }
  const identity = {
    operation,
    key,
    // Core refuses an unusable scope, with the error meant for it.
    scope: (scope === "global" ? scope : await scope(request, arg)) as string,
    isRetry: saysRetry(request.headers.get(RETRY_HEADER)),
  };
  return runKeyed(
    { settings, handler, idempotency: await settings.idempotency.of(request, arg) },
    identity,
    call,
  );
}

/** @throws {@link IdempotencyError} `KEY_INVALID`; `KEY_MISSING` where a key is required. */
async function keyOf<TRequest extends Request, TArg>(
  { key: readKey, requireKey }: Pick<Settings<unknown, TRequest, TArg>, "key" | "requireKey">,
  operation: string,
  { request, arg }: Call<TRequest, TArg>,
): Promise<string | undefined> {
  const key = (await readKey?.(request, arg)) ?? parseKeyHeader(request.headers.get(KEY_HEADER));
  if (key !== undefined) {
    return key;
  }
  if (checkKeyRequired(typeof requireKey === "function" ? await requireKey(request, arg) : requireKey)) {
    throw keyMissing(operation, readKey !== undefined);
  }
  return undefined;
}

// The longest that core allows.
const OPERATION_LENGTH_MAX = 255;

async function operationOf<TRequest extends Request, TArg>(
  { operation }: Pick<Settings<unknown, TRequest, TArg>, "operation">,
  request: TRequest,
  arg: TArg,
): Promise<string> {
  if (typeof operation === "string") {
    return operation;
  }
  if (operation !== undefined) {
    return operation(request, arg);
  }
  const { method, url } = request;
  const pathname = routedPath(url);
  const name = `${method} ${pathname}`;
  return name.length <= OPERATION_LENGTH_MAX
    ? name
    : `${method} ${createHash("sha256").update(pathname).digest("base64url")}`;
}
