import type { TRPCError } from "@trpc/server";
import { REPLAYED_HEADER } from "../core/header.ts";
import { comparableInput } from "./comparable-input.ts";
import { type ProvidedContext, providedContext, unkeyedContext } from "./context.ts";
import { keyMissing, keyOf } from "./key.ts";
import type { Settings } from "./options.ts";
import type { IdempotencyPolicy } from "./policy.ts";
import { dataOf, failure, type ProcedureCall, type ProcedureResult, success } from "./procedure-call.ts";
import { type RequestParts, setResponseHeader } from "./request.ts";

type MutationResult<TTransaction> = ProcedureResult<ProvidedContext<string, TTransaction>>;

/** Runs a mutation with its key, or without one where the policy allows it. */
export async function runMutation<TTransaction, TContext, TInput>(
  settings: Settings<TTransaction, TContext, TInput>,
  policy: IdempotencyPolicy,
  call: ProcedureCall<TContext, TInput>,
  request: RequestParts,
): Promise<MutationResult<TTransaction>> {
  const key = await keyOf(settings, call, request);
  if (key !== undefined) {
    return runKeyed(settings, key, call, request);
  }
  if (policy === "required") {
    throw keyMissing(call.path, request);
  }
  const { idempotency, provide, run } = settings;
  const data = await idempotency.runUnkeyed(
    async (context) => dataOf(await call.next({ ctx: unkeyedContext(provide, context) })),
    run,
  );
  return success(data);
}

async function runKeyed<TTransaction, TContext, TInput>(
  { idempotency, scope, provide, run }: Settings<TTransaction, TContext, TInput>,
  key: string,
  call: ProcedureCall<TContext, TInput>,
  request: RequestParts,
): Promise<MutationResult<TTransaction>> {
  const { compared, handedOn } = await comparableInput(call);
  const settled = await idempotency.runSettled(
    {
      ...run,
      operation: call.path,
      key,
      // Core refuses a scope that is none, with the error meant for it.
      scope: (scope === "global" ? scope : await scope(call)) as string,
      input: compared,
    },
    async (context) => dataOf(await call.next({ ctx: providedContext(provide, context), ...handedOn() })),
  );
  if (settled.replayed) {
    setResponseHeader(request, call, REPLAYED_HEADER, "true");
  }
  return settled.status === "completed" ? success(settled.value) : failure(settled.error as TRPCError);
}
