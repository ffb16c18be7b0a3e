import type { ExecutionArgs, ExecutionResult } from "graphql";
import { ChosenIdempotency } from "../core/adapter/chosen-idempotency.ts";
import { KEY_OPTION_GAVE_NONE } from "../core/adapter/key-header.ts";
import type { ScopeValue } from "../core/adapter/options.ts";
import { answeredAtOnce } from "../core/contract/callbacks.ts";
import { IdempotencyError } from "../core/contract/errors/errors.ts";
import { isExpectedError } from "./errors/expected-error.ts";
import {
  type IdempotencyPluginOptions,
  isKeyRequired,
  type ModeChoice,
  type MutationInfo,
  modeOf,
  type RequireKey,
} from "./options.ts";
import { DIRECTIVE_NAME, directiveOf } from "./request/directive.ts";
import { fieldInput, operationInput } from "./request/fingerprint.ts";
import { isMetaField, type Mutation, type RootField, readMutation } from "./request/mutation.ts";
import { fieldRecordName, OPERATION_RECORD_NAME, sharedKeyRecordName } from "./request/record-name.ts";
import { refuseIncrementalDelivery, refuseMisplacedKeys } from "./request/refusals.ts";
import { carriedKey, directiveKey, isRetry } from "./request/request-key.ts";
import { executeFields, failedField } from "./unit/fields.ts";
import { alreadyProvides } from "./unit/provide.ts";
import { type Answer, telling, toldTogether, withoutTelling } from "./unit/told.ts";
import {
  argsOfField,
  type Execute,
  runKeyed,
  runUnkeyed,
  storingResults,
  type Unit,
  type UnitOptions,
} from "./unit/unit.ts";

/** Splits a mutation into units, finds the key of each, and joins their answers. */
export class MutationExecutor<TContext extends object> {
  readonly #units: ChosenIdempotency<unknown, [context: TContext], UnitOptions>;
  readonly #provide: string | undefined;
  readonly #scope: IdempotencyPluginOptions<TContext>["scope"];
  readonly #key: IdempotencyPluginOptions<TContext>["key"];
  readonly #requireKey: RequireKey;
  readonly #mode: ModeChoice;
  readonly #input: IdempotencyPluginOptions<TContext>["input"];
  readonly #directive: string;

  constructor(options: IdempotencyPluginOptions<TContext>) {
    const { idempotency, scope, provide, key, requireKey = true, storeError, ...rest } = options;
    const { mode = "transaction", input, directive = DIRECTIVE_NAME, ...run } = rest;
    this.#units = new ChosenIdempotency(idempotency, (given) => ({
      // A completer with a handler for the same operation would store a result that is not an `ExecutionResult`.
      idempotency: given.with({ ...run, ...storingResults, storeInput: false }),
      provide,
      isExpected: storeError ?? given.options.storeError ?? isExpectedError,
    }));
    this.#provide = provide;
    this.#scope = scope;
    this.#key = key;
    this.#requireKey = requireKey;
    this.#mode = mode;
    this.#input = input;
    this.#directive = directive;
  }

  async execute(args: ExecutionArgs, execute: Execute): Promise<unknown> {
    const mutation = readMutation(args, this.#directive);
    refuseMisplacedKeys(mutation);
    if (mutation.fields.every(isMetaField)) {
      return execute(args);
    }
    const byField = mutation.allFields.some(({ nodes }) =>
      nodes.some((node) => directiveOf(node, this.#directive) !== undefined),
    );
    return byField
      ? this.#executeFields(mutation, args, execute)
      : this.#executeOperation(mutation, args, execute);
  }

  async #executeOperation(mutation: Mutation, args: ExecutionArgs, execute: Execute): Promise<unknown> {
    const fields = mutation.fields.filter((field) => !isMetaField(field));
    const key = this.#requestKey(args);
    const context = args.contextValue as TContext;
    const mode = modeOf(this.#mode, infoOf(mutation, fields));
    const unit: Unit = { args, execute, mutation, fields: mutation.fields, mode };
    if (key === undefined) {
      return (await this.#runUnkeyed(mutation, fields, unit)).result;
    }
    refuseIncrementalDelivery(mutation);
    const request = {
      operation: OPERATION_RECORD_NAME,
      key,
      scope: await this.#scopeOf(context),
      input: await this.#inputOf(args, () => operationInput(mutation)),
      isRetry: isRetry(context),
    };
    const { result, told } = await runKeyed(unit, request, await this.#units.of(context));
    return telling(result, context, told);
  }

  async #executeFields(mutation: Mutation, args: ExecutionArgs, execute: Execute): Promise<ExecutionResult> {
    refuseIncrementalDelivery(mutation);
    const { fields } = mutation;
    const answer = await executeFields(args.schema, fields, (field) =>
      this.#runField(mutation, field, args, execute).catch((error: unknown) =>
        failedField(field, error, fields.length === 1),
      ),
    );
    const together = toldTogether(answer, fields.length);
    return telling(answer.result, args.contextValue as TContext, together, answer.told);
  }

  async #runField(
    mutation: Mutation,
    field: RootField,
    args: ExecutionArgs,
    execute: Execute,
  ): Promise<Answer> {
    const context = args.contextValue as TContext;
    const fieldArgs = argsOfField(args, mutation, field);
    if (isMetaField(field)) {
      return { result: (await execute(fieldArgs)) as ExecutionResult };
    }
    const mode = modeOf(this.#mode, infoOf(mutation, [field]));
    const unit: Unit = { args: fieldArgs, execute, mutation, fields: [field], mode };
    const ownKey = directiveKey(mutation, field);
    const key = ownKey ?? this.#requestKey(args);
    if (key !== undefined) {
      const scope = await this.#scopeOf(context);
      const operation = ownKey === undefined ? sharedKeyRecordName(mutation, field) : fieldRecordName(field);
      const input = await this.#inputOf(fieldArgs, () => fieldInput(mutation, field));
      const request = { operation, key, scope, input, isRetry: isRetry(context) };
      return runKeyed(unit, request, await this.#units.of(context));
    }
    return this.#runUnkeyed(mutation, [field], unit);
  }

  #runUnkeyed(mutation: Mutation, fields: readonly RootField[], unit: Unit): Promise<Answer> {
    return withoutTelling(async () => {
      this.#checkMayLackKey(mutation, fields);
      const { args, execute, mode } = unit;
      const context = args.contextValue as TContext;
      if (mode === "transaction" && alreadyProvides(context, this.#provide)) {
        return { result: (await execute(args)) as ExecutionResult };
      }
      refuseIncrementalDelivery(mutation);
      return runUnkeyed(unit, await this.#units.of(context));
    });
  }

  #requestKey(args: ExecutionArgs): string | undefined {
    const context = args.contextValue as TContext;
    return answeredAtOnce("key", this.#key?.({ context, args })) ?? carriedKey(context);
  }

  async #inputOf(args: ExecutionArgs, asSent: () => unknown): Promise<unknown> {
    return this.#input === undefined
      ? asSent()
      : this.#input({ context: args.contextValue as TContext, args });
  }

  #checkMayLackKey(mutation: Mutation, fields: readonly RootField[]): void {
    if (isKeyRequired(this.#requireKey, infoOf(mutation, fields))) {
      const record = fields.map(({ fieldName }) => fieldName).join(",");
      const carriers = `@${this.#directive}(key:) on the field, extensions.idempotencyKey in the body, or the header Idempotency-Key`;
      throw new IdempotencyError(
        "KEY_MISSING",
        `${record} needs an idempotency key: ${this.#key === undefined ? carriers : KEY_OPTION_GAVE_NONE}.`,
        { operation: record },
      );
    }
  }

  async #scopeOf(context: TContext): Promise<NonNullable<ScopeValue>> {
    const scope = typeof this.#scope === "function" ? await this.#scope(context) : this.#scope;
    // The run refuses a missing scope, so that all adapters share one message.
    return scope as NonNullable<ScopeValue>;
  }
}

function infoOf({ operation }: Mutation, fields: readonly RootField[]): MutationInfo {
  return { name: operation.name?.value, rootFields: fields.map(({ fieldName }) => fieldName) };
}
