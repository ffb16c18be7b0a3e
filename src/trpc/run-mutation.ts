import type { TRPCError } from "@trpc/server";
import { checkKeyRequired } from "../core/adapter/options.ts";
import { outcomeOfError, type Told } from "../core/adapter/told-outcome.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import type { Idempotency, LeaseRequest, SettledRun } from "../core/contract/idempotency.ts";
import type { ResumedIdentity } from "../core/lease/abandoned-runs.ts";
import { checkStillProvided, providedContext } from "./context.ts";
import { rememberParserError } from "./errors/parser-error.ts";
import { rememberTold } from "./errors/told-errors.ts";
import type { Settings } from "./options.ts";
import { type ComparableInput, comparableInput } from "./request/comparable-input.ts";
import { isRetry, keyMissing, keyOf } from "./request/key.ts";
import { operationOf } from "./request/operation.ts";
import {
  dataOf,
  failure,
  type ProcedureCall,
  type ProcedureResult,
  success,
} from "./request/procedure-call.ts";
import { type RequestParts, tell } from "./request/request-parts.ts";
import { handOn } from "./request/run-once.ts";

/** A call, and what decides whether and under which identity it is executed. */
export interface MutationRequest<TContext, TInput> {
  readonly call: ProcedureCall<TContext, TInput>;
  readonly requireKey: Settings<unknown, TContext, TInput>["requireKey"];
  readonly request: RequestParts;
  /** Key and scope of the abandoned run that a completer is resuming with this call. */
  readonly resumed: ResumedIdentity | undefined;
}

/** Runs a mutation with its key, or without one if it needs none. */
export async function runMutation<TTransaction, TContext, TInput>(
  settings: Settings<TTransaction, TContext, TInput>,
  { call, requireKey, request, resumed }: MutationRequest<TContext, TInput>,
): Promise<ProcedureResult<object>> {
  const key = resumed?.key ?? (await telling(request, call, () => keyOf(settings.key, call, request)));
  if (key === undefined) {
    if (checkKeyRequired(typeof requireKey === "function" ? await requireKey(call) : requireKey)) {
      throw keyMissing(call.path, request, settings.key !== undefined);
    }
    return success(await runUnkeyed(settings, call));
  }
  const settled = await telling(request, call, () => runKeyed(settings, call, { key, request, resumed }));
  const told: Told = { outcome: "stored", replayed: settled.replayed };
  tell(request, call, told);
  if (settled.status === "completed") {
    return success(settled.value);
  }
  rememberTold(settled.error, call.path, told);
  if (isIdempotencyError(settled.error)) {
    // Stored when a completer gave up, and restored by an application's `errors` that knows nothing of tRPC.
    throw settled.error;
  }
  return failure(settled.error as TRPCError);
}

/** Does some of a keyed call, and tells of an error that leaves no record what it means for the key. */
async function telling<T>(
  request: RequestParts,
  call: ProcedureCall<unknown, unknown>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const told: Told = { outcome: outcomeOfError(error), replayed: false };
    tell(request, call, told);
    rememberTold(error, call.path, told);
    throw error;
  }
}

interface KeyedCall {
  readonly key: string;
  readonly resumed: ResumedIdentity | undefined;
  readonly request: RequestParts;
}

async function runKeyed<TTransaction, TContext, TInput>(
  settings: Settings<TTransaction, TContext, TInput>,
  call: ProcedureCall<TContext, TInput>,
  { key, request: parts, resumed }: KeyedCall,
): Promise<SettledRun<unknown>> {
  const { idempotency, mode, provide } = settings;
  const runs = await (resumed === undefined
    ? idempotency.of(call)
    : idempotency.completed(resumed.idempotency as Idempotency<TTransaction>));
  const input = await comparableInput(call, settings.input, settings.bodyBytesMax);
  const operation = await operationOf(settings.operation, call);
  const scope = resumed?.scope ?? (await scopeOf(settings, call));
  const request = { operation, key, scope, input: input.compared, isRetry: isRetry(call, parts) };
  if (mode === "transaction") {
    return runs.runSettled(request, async (context) =>
      inTransaction(call, provide, context, (ctx) => goOn(call, ctx, input)),
    );
  }
  // A completer's call is parsed again, so it needs the input as it was before parsing.
  const leaseRequest: LeaseRequest = { ...request, storedInput: await call.getRawInput() };
  return runs.runLeasedSettled(leaseRequest, async (context) =>
    dataOf(await goOn(call, { idempotency: context }, input)),
  );
}

/** Calls what stands after the middleware. */
async function goOn(
  call: ProcedureCall<unknown, unknown>,
  ctx: object,
  { handedOn }: ComparableInput,
): Promise<ProcedureResult<unknown>> {
  let isRawInputRead = false;
  const { rawInput, ...input } = handedOn();
  const getRawInput = handOn(async () => {
    isRawInputRead = true;
    return rawInput ?? call.getRawInput();
  });
  // tRPC takes it, though its types do not say so.
  const result = await call.next({ ctx, ...input, getRawInput } as { readonly ctx: object });
  if (!result.ok) {
    rememberParserError(result.error, isRawInputRead);
  }
  return result;
}

/** Calls it with the client of the transaction, which nothing after the middleware may replace. */
async function inTransaction<TTransaction>(
  call: ProcedureCall<unknown, unknown>,
  provide: string | undefined,
  context: Parameters<typeof providedContext<TTransaction>>[2],
  goOnWith: (ctx: object) => Promise<ProcedureResult<unknown>>,
): Promise<unknown> {
  const result = await goOnWith(providedContext(provide, call.ctx, context));
  const data = dataOf(result);
  checkStillProvided(provide, call.path, result);
  return data;
}

async function runUnkeyed<TTransaction, TContext, TInput>(
  { idempotency, mode, provide }: Settings<TTransaction, TContext, TInput>,
  call: ProcedureCall<TContext, TInput>,
): Promise<unknown> {
  const runs = await idempotency.of(call);
  return mode === "transaction"
    ? runs.runUnkeyed(async (context) => inTransaction(call, provide, context, (ctx) => call.next({ ctx })))
    : runs.runLeasedUnkeyed(async (context) => dataOf(await call.next({ ctx: { idempotency: context } })));
}

/** Core refuses an unusable scope, with the error meant for it. */
async function scopeOf<TContext, TInput>(
  { scope }: Pick<Settings<unknown, TContext, TInput>, "scope">,
  call: ProcedureCall<TContext, TInput>,
): Promise<string> {
  return (scope === "global" ? scope : await scope(call)) as string;
}
