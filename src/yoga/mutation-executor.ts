import type { ExecutionArgs, ExecutionResult } from "graphql";
import type { ScopeValue } from "../core/adapter-options.ts";
import { IdempotencyError } from "../core/errors.ts";
import { directiveOf } from "./directive.ts";
import { isExpectedError } from "./expected-error.ts";
import { executeFields } from "./fields.ts";
import { documentOfField, fieldInput, operationInput } from "./fingerprint.ts";
import { isMetaField, type Mutation, type RootField, readMutation } from "./mutation.ts";
import { type IdempotencyPluginOptions, isKeyRequired, type RequireKey } from "./options.ts";
import type { Execute } from "./plugin.ts";
import { alreadyProvides } from "./provide.ts";
import { fieldRecordName, operationRecordName, sharedKeyRecordName } from "./record-name.ts";
import { refuseIncrementalDelivery, refuseMisplacedKeys } from "./refusals.ts";
import { markReplayed } from "./replay-mark.ts";
import { carriedKey, directiveKey } from "./request-key.ts";
import { type Answer, runKeyed, runUnkeyed, type Unit, type UnitOptions } from "./unit.ts";

/** Decides what the units of a mutation are, finds the key of each, and joins their answers. */
export class MutationExecutor<TContext extends object> {
  readonly #units: UnitOptions;
  readonly #scope: IdempotencyPluginOptions<TContext>["scope"];
  readonly #key: IdempotencyPluginOptions<TContext>["key"];
  readonly #require: RequireKey;

  constructor(options: IdempotencyPluginOptions<TContext>) {
    const { idempotency, scope, provide = "tx", key, require = "none", storeError, ...run } = options;
    this.#units = {
      idempotency,
      provide,
      isExpected: storeError ?? idempotency.options.storeError ?? isExpectedError,
      run,
    };
    this.#scope = scope;
    this.#key = key;
    this.#require = require;
  }

  async execute(args: ExecutionArgs, execute: Execute): Promise<unknown> {
    const mutation = readMutation(args);
    refuseMisplacedKeys(mutation);
    if (mutation.fields.every(isMetaField)) {
      return execute(args);
    }
    const byField = mutation.fields.some(({ nodes }) =>
      nodes.some((node) => directiveOf(node) !== undefined),
    );
    return byField
      ? this.#executeFields(mutation, args, execute)
      : this.#executeOperation(mutation, args, execute);
  }

  async #executeOperation(mutation: Mutation, args: ExecutionArgs, execute: Execute): Promise<unknown> {
    const fields = mutation.fields.filter((field) => !isMetaField(field));
    const key = this.#requestKey(args);
    const context = args.contextValue as TContext;
    if (key === undefined) {
      this.#checkMayLackKey(mutation, fields);
      if (alreadyProvides(context, this.#units.provide)) {
        return execute(args);
      }
    }
    refuseIncrementalDelivery(mutation);
    const unit: Unit = { args, execute, responseNames: fields.map(({ responseName }) => responseName) };
    if (key === undefined) {
      return (await runUnkeyed(unit, this.#units)).result;
    }
    const request = {
      operation: operationRecordName(fields),
      key,
      scope: await this.#scopeOf(context),
      input: operationInput(mutation),
    };
    const { result, replayed } = await runKeyed(unit, request, this.#units);
    return replayed ? markReplayed(result, context) : result;
  }

  async #executeFields(mutation: Mutation, args: ExecutionArgs, execute: Execute): Promise<ExecutionResult> {
    refuseIncrementalDelivery(mutation);
    const { fields } = mutation;
    const { result, replayed } = await executeFields(args.schema, fields, (field) =>
      this.#runField(mutation, field, args, execute),
    );
    return replayed.length === 0
      ? result
      : markReplayed(result, args.contextValue as TContext, replayed, replayed.length === fields.length);
  }

  async #runField(
    mutation: Mutation,
    field: RootField,
    args: ExecutionArgs,
    execute: Execute,
  ): Promise<Answer> {
    const context = args.contextValue as TContext;
    const unit: Unit = {
      args: { ...args, document: documentOfField(mutation, field) },
      execute,
      responseNames: [field.responseName],
    };
    const ownKey = isMetaField(field) ? undefined : directiveKey(mutation, field);
    const key = isMetaField(field) ? undefined : (ownKey ?? this.#requestKey(args));
    if (key !== undefined) {
      const scope = await this.#scopeOf(context);
      const operation = ownKey === undefined ? sharedKeyRecordName(field) : fieldRecordName(field);
      const request = { operation, key, scope, input: fieldInput(mutation, field) };
      return runKeyed(unit, request, this.#units);
    }
    if (!isMetaField(field)) {
      this.#checkMayLackKey(mutation, [field]);
    }
    if (isMetaField(field) || alreadyProvides(context, this.#units.provide)) {
      return { result: (await execute(unit.args)) as ExecutionResult, replayed: false };
    }
    return runUnkeyed(unit, this.#units);
  }

  #requestKey(args: ExecutionArgs): string | undefined {
    const context = args.contextValue as TContext;
    return this.#key?.({ context, args }) ?? carriedKey(context);
  }

  #checkMayLackKey({ operation }: Mutation, fields: readonly RootField[]): void {
    const name = operation.name?.value;
    if (isKeyRequired(this.#require, { name, rootFields: fields.map(({ fieldName }) => fieldName) })) {
      const record = operationRecordName(fields);
      throw new IdempotencyError(
        "KEY_MISSING",
        `${record} needs an idempotency key: @idempotent(key:) on the field, extensions.idempotencyKey in the body, or ` +
          "the header Idempotency-Key.",
        { operation: record },
      );
    }
  }

  async #scopeOf(context: TContext): Promise<NonNullable<ScopeValue>> {
    const scope = typeof this.#scope === "function" ? await this.#scope(context) : this.#scope;
    // Nothing at all is refused by the run, in the words of one place for all adapters.
    return scope as NonNullable<ScopeValue>;
  }
}
