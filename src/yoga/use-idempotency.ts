import { type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";
import { isIdempotencyError } from "../core/errors.ts";
import { withDirective } from "./directive.ts";
import { toGraphQLError } from "./graphql-errors.ts";
import { readKeyHeader } from "./header-keys.ts";
import { isMutation } from "./mutation.ts";
import { MutationExecutor } from "./mutation-executor.ts";
import { checkPluginOptions, type IdempotencyPluginOptions } from "./options.ts";
import type { Execute, IdempotencyPlugin } from "./plugin.ts";

/**
 * Executes mutations exactly once per idempotency key, in GraphQL Yoga 5 and in plain Envelop 5.
 *
 * **Unit.** Usually the whole operation: one transaction, one record, one stored `ExecutionResult`. If a root field
 * carries `@idempotent(key:)`, each root field is a unit of its own, executed in document order.
 *
 * **Key.** `@idempotent` on the field; else the option `key`; else `extensions.idempotencyKey` of the body, or the
 * header `Idempotency-Key` (of a batch a list, `?0` for an operation without one). The last two must agree. In an
 * operation with `@idempotent`, the request's key covers the root fields that have none.
 *
 * **Transaction.** With a key, resolvers find the transaction under `provide`, and the key as `context.idempotency`.
 * Without a key, they find what the application put under `provide`; where that is nothing, a transaction of its own
 * is opened for the mutation, and ends as with a key, only that no record is kept.
 *
 * **Lease.** With `mode: "lease"` no transaction is around the resolvers. They find `step` and `transaction` as
 * `context.idempotency`; what those recorded is not undone by an error, and a retry finds it again.
 *
 * **Errors.** If some root field has an answer and all errors are expected ones (`storeError`), everything is
 * committed and stored, with what the failed fields wrote before they failed: give fields that must not share that
 * fate `@idempotent` each. If all root fields failed as expected, their writes are undone and the errors are stored.
 * On any other error everything is undone, `data` is null, and a retry executes again.
 *
 * Put it last in `plugins`: a later plugin that sets an `execute` of its own without calling the one before bypasses
 * every earlier one, this included.
 *
 * @remarks **Warning**: effects outside the database, and writes that do not go through the transaction, are not
 * covered. Data loaders must take their client from the context when they load.
 * @throws TypeError for an option that cannot be used; it names the option and the remedy.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- Yoga cannot hand the type of its context to a plugin. Whoever does not state it writes `(context) => context.user.id` all the same; a typo fails closed, as a missing scope.
export function useIdempotency<TContext extends object = any>(
  options: IdempotencyPluginOptions<TContext>,
): IdempotencyPlugin {
  checkPluginOptions(options);
  const executor = new MutationExecutor(options);
  return {
    onSchemaChange({ schema, replaceSchema }) {
      const extended = withDirective(schema);
      if (extended !== schema) {
        replaceSchema(extended);
      }
    },
    onRequestParse: ({ request }) => ({
      onRequestParseDone: ({ requestParserResult }) => readKeyHeader(request, requestParserResult),
    }),
    onExecute({ args, executeFn, setExecuteFn }) {
      if (isMutation(args)) {
        setExecuteFn((actual) => answered(executor, actual, executeFn));
      }
    },
  };
}

/** Our own errors, and those the application's `scope` or `key` meant for clients, are results; others are thrown. */
async function answered<TContext extends object>(
  executor: MutationExecutor<TContext>,
  args: ExecutionArgs,
  execute: Execute,
): Promise<unknown> {
  try {
    return await executor.execute(args, execute);
  } catch (error) {
    if (isIdempotencyError(error)) {
      return { errors: [toGraphQLError(error)] } satisfies ExecutionResult;
    }
    if (error instanceof GraphQLError) {
      return { errors: [error] } satisfies ExecutionResult;
    }
    throw error;
  }
}
