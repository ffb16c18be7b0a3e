import { answeredAtOnce } from "../core/contract/callbacks.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import { tellRefusal } from "../core/events/call-events.ts";
import { resumedIdentity } from "../core/lease/abandoned-runs.ts";
import type { ClientIn, Holding, LeasedContext, ProvidedContext } from "./context.ts";
import { toTRPCError } from "./errors/trpc-error.ts";
import {
  type AnyModeOptions,
  type IdempotencyMiddlewareOptions,
  type LeaseMiddlewareOptions,
  settingsOf,
} from "./options.ts";
import { fixedOperationOf } from "./request/operation.ts";
import type { ContextIn, ProcedureCall, ProcedureResult } from "./request/procedure-call.ts";
import { procedureOf, type RequestParts, tellRetryAfter } from "./request/request-parts.ts";
import { runOnce } from "./request/run-once.ts";
import { ownSettingsIn } from "./router/meta.ts";
import { refuseEarlyOutput, rememberSettings } from "./router/procedures.ts";
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
 * A retry must repeat the input that the client sent, as the transformer gave it and no parser has changed it, or what
 * option `input` says instead. Put the middleware after `.input()`, so that it finds the parsed input, and before `.output()`, so that a mutation
 * whose output fails validation is rolled back:
 *
 *     t.procedure.input(Order).use(idempotent).output(Receipt).mutation(...)
 *
 * The key is the header `Idempotency-Key`, which in a batch is a list with one member per call, or what option `key`
 * returns. Reading the header needs `req` and `info` of `createContext`'s argument in the context, or option `request`.
 *
 * The response header `Idempotency-Outcome` tells whether the answer is `stored` under the key, or the key is `released`, which is
 * to say free, or `refused` as that of another input; `Idempotent-Replayed: true` marks a replay. In a batch both are lists in
 * the order of the calls (`stored, released, ?0`; `?1, ?0, ?0`). A streaming link has already got its headers, and so
 * has none of them.
 *
 * With `mode: "lease"` there is no `ctx.tx`: the handler may call other services and take its time. It does both in
 * `ctx.idempotency.step` and `ctx.idempotency.transaction`, which are recorded one by one.
 *
 * Queries and subscriptions pass through untouched, and so do mutations whose meta says `idempotency: false`: they do not
 * find the additions to `ctx`, whatever its type says.
 *
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 * @remarks Calls fail with a `TRPCError` whose `cause` is an `IdempotencyError`: `BAD_REQUEST` for a key that is
 * missing or malformed or an input that cannot be compared, `PAYLOAD_TOO_LARGE`, `UNPROCESSABLE_CONTENT` for a key used before with another input, `CONFLICT` while a
 * duplicate is executing and when a lease was lost, `SERVICE_UNAVAILABLE` without a database, `INTERNAL_SERVER_ERROR`
 * for a result that cannot be stored or read, for a scope function that gave nothing, and once a completer has given up.
 */
export function idempotencyMiddleware<TTransaction, TContext, TInput, const TProvide extends string = "tx">(
  options: IdempotencyMiddlewareOptions<TTransaction, TContext, TInput, TProvide>,
): IdempotencyMiddleware<
  TContext & Holding<NoInfer<TProvide>>,
  TInput,
  ProvidedContext<TProvide, ClientIn<TContext, NoInfer<TProvide>, TTransaction>>
>;
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
    const resumed =
      settings.mode === "lease"
        ? resumedIdentity(fixedOperationOf(settings.operation, call.path))
        : undefined;
    const request = resumed === undefined ? answeredAtOnce("request", settings.request(call)) : NO_REQUEST;
    refuseEarlyOutput(call.path, procedureOf(request.info, call));
    try {
      return await runOnce(call, () => runMutation(settings, { call, requireKey, request, resumed }));
    } catch (error) {
      if (!isIdempotencyError(error)) {
        throw error;
      }
      if (error.retryAfterMs !== undefined) {
        tellRetryAfter(request, call, error.retryAfterMs);
      }
      tellRefusal(error, fixedOperationOf(settings.operation, call.path) ?? call.path);
      throw toTRPCError(error);
    }
  };
  rememberSettings(middleware, settings);
  return middleware as IdempotencyMiddleware<TContext, TInput, object>;
}

const NO_REQUEST: RequestParts = { headers: undefined, info: undefined };
