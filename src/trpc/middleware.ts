import { answeredAtOnce } from "../core/contract/callbacks.ts";
import { isIdempotencyError } from "../core/contract/errors.ts";
import { resumedIdentity } from "../core/lease/abandoned-runs.ts";
import type { LeasedContext, ProvidedContext } from "./context.ts";
import { toTRPCError } from "./errors/trpc-error.ts";
import {
  type AnyModeOptions,
  type IdempotencyMiddlewareOptions,
  type LeaseMiddlewareOptions,
  settingsOf,
} from "./options.ts";
import type { ContextIn, ProcedureCall, ProcedureResult } from "./request/procedure-call.ts";
import { type RequestParts, setResponseHeader } from "./request/request-parts.ts";
import { ownSettingsIn } from "./router/meta.ts";
import { rememberSettings } from "./router/procedures.ts";
import { runMutation } from "./run-mutation.ts";

/** A tRPC middleware for `.use()`, also assignable to `TRPCMiddlewareFunction`. */
export interface IdempotencyMiddleware<TContext, TInput, TAdded> {
  (call: ProcedureCall<ContextIn<TContext>, TInput>): Promise<ProcedureResult<TAdded>>;
  _type?: string | undefined;
}

/**
 * Makes the mutations of a procedure exactly-once: a retry with the same key gets the stored answer, and what the
 * handler writes through `ctx.tx` (or the property that option `provide` names) commits together with that answer.
 *
 * Put it after `.input()`, so that only valid input is compared and stored, and before `.output()`, so that a mutation
 * whose output fails validation is rolled back:
 *
 *     t.procedure.input(Order).use(idempotent).output(Receipt).mutation(...)
 *
 * The key is the header `Idempotency-Key`, which in a batch is a list with one member per call, or what option `key`
 * returns. Reading the header needs `req` and `info` of `createContext`'s argument in the context, or option `request`. A
 * replay is marked by the response header `Idempotent-Replayed: true`, but not in a batch, whose one response answers
 * other calls too, nor over a streaming link, which has already sent its headers.
 *
 * With `mode: "lease"` there is no `ctx.tx`: the handler may call other services and take its time. It does both in
 * `ctx.idempotency.step` and `ctx.idempotency.transaction`, which are recorded one by one.
 *
 * Queries and subscriptions pass through untouched, and so do mutations whose meta says `idempotency: false`: they do not
 * find the additions to `ctx`, whatever its type says.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 * @remarks Calls fail with a `TRPCError` whose `cause` is an `IdempotencyError`: `BAD_REQUEST` for a key that is
 * missing or malformed, `UNPROCESSABLE_CONTENT` for a key used before with another input, `CONFLICT` while a
 * duplicate is executing and when a lease was lost, `SERVICE_UNAVAILABLE` without a database, `INTERNAL_SERVER_ERROR`
 * for a result that cannot be stored or read, for a scope function that gave nothing, and once a completer has given up.
 */
export function idempotencyMiddleware<TTransaction, TContext, TInput, const TProvide extends string = "tx">(
  options: IdempotencyMiddlewareOptions<TTransaction, TContext, TInput, TProvide>,
): IdempotencyMiddleware<TContext, TInput, ProvidedContext<TProvide, TTransaction>>;
export function idempotencyMiddleware<TTransaction, TContext, TInput>(
  options: LeaseMiddlewareOptions<TTransaction, TContext, TInput>,
): IdempotencyMiddleware<TContext, TInput, LeasedContext<TTransaction>>;
export function idempotencyMiddleware<TTransaction, TContext, TInput>(
  options: AnyModeOptions<TTransaction, TContext, TInput>,
): IdempotencyMiddleware<TContext, TInput, object> {
  const settings = settingsOf(options);
  const middleware = async (call: ProcedureCall<TContext, TInput>): Promise<ProcedureResult<object>> => {
    if (call.type !== "mutation") {
      return call.next();
    }
    const own = ownSettingsIn(call.meta);
    if (own === false) {
      return call.next();
    }
    const { requireKey = settings.requireKey } = own;
    // A completer's call has no request, and its context need not pretend to have one. Its key and scope come from the
    // record it resumes: asked again, the application's functions might give others, and a second run would begin.
    const resumed = settings.mode === "lease" ? resumedIdentity(call.path) : undefined;
    const request = resumed === undefined ? answeredAtOnce("request", settings.request(call)) : NO_REQUEST;
    try {
      return await runOnce(call, () => runMutation(settings, { call, requireKey, request, resumed }));
    } catch (error) {
      if (!isIdempotencyError(error)) {
        throw error;
      }
      if (error.retryAfterMs !== undefined) {
        setResponseHeader(request, call, "retry-after", String(Math.ceil(error.retryAfterMs / 1_000)));
      }
      throw toTRPCError(error);
    }
  };
  rememberSettings(middleware, settings);
  return middleware as IdempotencyMiddleware<TContext, TInput, object>;
}

const NO_REQUEST: RequestParts = { headers: undefined, info: undefined };

const running = new WeakSet<ProcedureCall<unknown, unknown>["getRawInput"]>();

/**
 * Refuses a second middleware on the same procedure: it would wait for the first, which waits for it. A call and all its
 * middlewares share one `getRawInput`.
 */
async function runOnce<T>(
  { path, getRawInput }: ProcedureCall<unknown, unknown>,
  work: () => Promise<T>,
): Promise<T> {
  if (running.has(getRawInput)) {
    throw new TypeError(
      `onceonly: ${path} uses idempotencyMiddleware twice; remove one, or look at its base procedure.`,
    );
  }
  running.add(getRawInput);
  try {
    return await work();
  } finally {
    running.delete(getRawInput);
  }
}
