import type { ProcedureCall } from "./procedure-call.ts";

type Operation = string | undefined;
type OperationFunction<TContext, TInput> = (
  call: ProcedureCall<TContext, TInput>,
) => string | Promise<string>;

/** The name that a call is recorded under. Core refuses one that cannot be used. */
export async function operationOf<TContext, TInput>(
  operation: Operation | OperationFunction<TContext, TInput>,
  call: ProcedureCall<TContext, TInput>,
): Promise<string> {
  return typeof operation === "function" ? operation(call) : fixedOperationOf(operation, call.path);
}

/** The name where no function gives it, as in mode `lease`: a completer knows the path of a mutation, and has no call. */
export function fixedOperationOf(operation: unknown, path: string): string {
  return typeof operation === "string" ? operation : path;
}
