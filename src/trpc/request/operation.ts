import type { ProcedureCall } from "./procedure-call.ts";

type Operation = string | undefined;
type OperationFunction<TContext, TInput> = (
  call: ProcedureCall<TContext, TInput>,
) => string | Promise<string>;

/**
 * The name that a call is recorded under. Core refuses one that cannot be used.
 *
 * @throws TypeError for a call without a path, such as a server action's, where the option does not name it
 */
export async function operationOf<TContext, TInput>(
  operation: Operation | OperationFunction<TContext, TInput>,
  call: ProcedureCall<TContext, TInput>,
): Promise<string> {
  if (operation === undefined && call.path === "") {
    throw new TypeError(
      "onceonly: this mutation has no path to be recorded under, as server actions have none; give its idempotencyMiddleware " +
        "option operation, a name such as orders.place.",
    );
  }
  return typeof operation === "function" ? operation(call) : fixedOperationOf(operation, call.path);
}

/** The name where no function gives it, as in mode `lease`: a completer knows the path of a mutation, and has no call. */
export function fixedOperationOf(operation: unknown, path: string): string {
  return typeof operation === "string" ? operation : path;
}
