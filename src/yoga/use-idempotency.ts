import { type ExecutionArgs, type ExecutionResult, GraphQLError } from "graphql";
import type { Told } from "../core/adapter/told-outcome.ts";
import { isIdempotencyError } from "../core/contract/errors/errors.ts";
import { tellRefusal } from "../core/events/call-events.ts";
import { toGraphQLError } from "./errors/graphql-errors.ts";
import { MutationExecutor } from "./mutation-executor.ts";
import { checkPluginOptions, type IdempotencyPluginOptions } from "./options.ts";
import type { ExecutingPlugin, IdempotencyPlugin } from "./plugin.ts";
import { DIRECTIVE_NAME, withDirective } from "./request/directive.ts";
import { isUnparsed, readKeyHeader } from "./request/header-keys.ts";
import { isMutation } from "./request/mutation.ts";
import { OPERATION_RECORD_NAME } from "./request/record-name.ts";
import { telling, toldOf } from "./unit/told.ts";
import type { Execute } from "./unit/unit.ts";

/**
 * Executes mutations exactly once per idempotency key, in GraphQL Yoga 5 and in plain Envelop 5.
 *
 * **Unit.** Usually the whole operation: one transaction, one record, one stored `ExecutionResult`. If a root field
 * carries `@idempotent(key:)`, each root field is a unit of its own, executed in document order.
 *
 * **Key.** `@idempotent` on the field; else the option `key`; else `extensions.idempotencyKey` in the body, or the header
 * `Idempotency-Key` (for a batch, a list with `?0` for an operation without a key). The last two must agree. In an
 * operation with `@idempotent`, the request's key covers the root fields that have none. A header that a plugin kept from
 * us, such as `useGraphQLSSE`, which answers requests by itself, is an error (`KEY_MISSING`).
 *
 * **Transaction.** With a key, resolvers find the transaction under `provide`, and the key in `context.idempotency`.
 * Without a key, they find what the application put under `provide`. If that is nothing, the mutation gets a transaction
 * of its own, which ends as it would with a key, except that no record is kept.
 *
 * **Lease.** With `mode: "lease"` there is no transaction around the resolvers. They find `step` and `transaction` in
 * `context.idempotency`; an error does not undo what those have recorded, and a retry finds it again.
 *
 * **Errors.** A root field without a value has failed, and its writes are undone. If all errors are expected (`storeError`),
 * the answer is stored, with what the other root fields wrote. On any other error everything is undone, `data` is null, and a
 * retry executes again. Root fields that must not share that fate have an `@idempotent` each.
 *
 * **What is told.** `extensions.idempotency` of every answer to a keyed mutation is `{ outcome, replayed }`: `"stored"` under
 * the key, `"released"` for a retry, or `"refused"` as the key of another mutation; with `@idempotent` also of each root field
 * (`fields`). Yoga answers with the headers `Idempotency-Outcome` and `Idempotent-Replayed` as well, except in a batch.
 *
 * The place of this plugin in `plugins` makes no difference: it executes around all others, also around one that sets an
 * executor of its own, such as `useGraphQlJit`.
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
  const executing: ExecutingPlugin = {
    onExecute({ args, executeFn, setExecuteFn }) {
      if (isMutation(args)) {
        setExecuteFn((actual) => answered(executor, actual, executeFn));
      }
    },
  };
  return {
    // After all others, wherever the application has put us: one that sets an executor of its own, as useGraphQlJit does, does
    // not call the one before it.
    onPluginInit({ plugins }) {
      if (plugins.some((plugin) => executingPlugins.has(plugin as object))) {
        throw new TypeError("onceonly: useIdempotency stands twice in plugins; remove one.");
      }
      executingPlugins.add(executing);
      plugins.push(executing);
    },
    onSchemaChange({ schema, replaceSchema }) {
      const extended = withDirective(schema, options.directive ?? DIRECTIVE_NAME);
      if (extended !== schema) {
        replaceSchema(extended);
      }
    },
    onRequestParse: ({ request }) => ({
      onRequestParseDone: ({ requestParserResult }) => readKeyHeader(request, requestParserResult),
    }),
  };
}

const executingPlugins = new WeakSet<object>();

/**
 * Our own errors, and those of the application's `scope` or `key` that are meant for clients, become results; others are
 * thrown.
 */
async function answered<TContext extends object>(
  executor: MutationExecutor<TContext>,
  args: ExecutionArgs,
  execute: Execute,
): Promise<unknown> {
  try {
    return await executor.execute(args, execute);
  } catch (error) {
    if (!isIdempotencyError(error) && !(error instanceof GraphQLError)) {
      throw error;
    }
    tellRefusal(error, OPERATION_RECORD_NAME);
    const refused = error instanceof GraphQLError ? error : toGraphQLError(error);
    return refusal(refused, args, toldOf(error));
  }
}

function refusal(
  error: GraphQLError,
  { contextValue }: ExecutionArgs,
  told: Told | undefined,
): ExecutionResult {
  // A plugin that answers requests by itself, such as useGraphQLSSE, knows a result by its data.
  const result = { errors: [error], ...(isUnparsed(contextValue as object) ? { data: null } : {}) };
  return telling(result, contextValue as object, told?.outcome === undefined ? undefined : told);
}
