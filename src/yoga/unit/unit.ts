import type { ExecutionArgs, ExecutionResult, GraphQLError, Source } from "graphql";
import type { Mode } from "../../core/adapter/options.ts";
import type { Told } from "../../core/adapter/told-outcome.ts";
import { IdempotencyError } from "../../core/contract/errors/errors.ts";
import type { Idempotency, RunContext, RunRequest } from "../../core/contract/idempotency.ts";
import type { RunOptions } from "../../core/contract/options/options.ts";
import { documentOfField } from "../request/fingerprint.ts";
import { isMetaField, type Mutation, type RootField } from "../request/mutation.ts";
import { executeFields } from "./fields.ts";
import { isDeliberate, outcomeOf, rootCause, stepFailureIn } from "./outcome.ts";
import { inTransaction, type ProvidedTo, withProvided } from "./provide.ts";
import { fromStoredResult, inOrder, type StoredResult, toStoredResult } from "./stored-result.ts";
import type { Answer } from "./told.ts";

/** Executes one operation. The result is `unknown`, as an executor may also answer with a stream. */
export type Execute = (args: ExecutionArgs) => unknown;

/** What is executed and stored as one: a mutation, or one root field of it. */
export interface Unit {
  /** For all its fields. */
  readonly args: ExecutionArgs;
  readonly execute: Execute;
  readonly mutation: Mutation;
  /** In the order of the response. */
  readonly fields: readonly RootField[];
  readonly mode: Mode;
}

/** Those that execute one root field of a mutation. */
export function argsOfField(args: ExecutionArgs, mutation: Mutation, field: RootField): ExecutionArgs {
  return { ...args, document: documentOfField(mutation, field) };
}

/** What all units of a plugin have in common. */
export interface UnitOptions {
  /** With {@link storingResults}. */
  readonly idempotency: Idempotency<unknown>;
  readonly provide: string | undefined;
  readonly isExpected: (error: GraphQLError) => boolean;
}

export type UnitRequest = Pick<RunRequest, "operation" | "key" | "scope" | "input" | "isRetry">;

/** Executes a unit at most once per key, or gives its stored result. */
export async function runKeyed(unit: Unit, request: UnitRequest, options: UnitOptions): Promise<Answer> {
  const { idempotency } = options;
  const execution = new Execution(unit, options);
  const source = unit.args.document.loc?.source;
  try {
    const settled = await (unit.mode === "lease"
      ? idempotency.runLeasedSettled(request, async (context) =>
          toStoredResult(execution.ended(await execution.execute(() => ({ idempotency: context })))),
        )
      : idempotency.runSettled(request, async (context) => toStoredResult(await execution.run(context))));
    const { replayed } = settled;
    const told: Told = { outcome: "stored", replayed };
    if (settled.status === "failed") {
      const { error } = settled;
      const result =
        error instanceof StoredFailure
          ? replayOf(request.operation, error.stored, source)
          : (error as FailedResult).result;
      return { result, told };
    }
    const stored = replayOf(request.operation, settled.value, source);
    // Masking and logging need the errors as they were thrown.
    const result = replayed ? stored : { ...execution.result, data: stored.data ?? null };
    return { result, told: (result.errors ?? []).length > 0 ? { ...told, partial: true } : told };
  } catch (error) {
    return { result: execution.resultUndoneBy(error), told: { outcome: "released", replayed: false } };
  }
}

/** @throws {@link IdempotencyError} `RESULT_UNREADABLE` for a record that somebody has changed. */
function replayOf(operation: string, stored: StoredResult, source: Source | undefined): ExecutionResult {
  try {
    return fromStoredResult(stored, source);
  } catch (cause) {
    throw new IdempotencyError(
      "RESULT_UNREADABLE",
      `The stored result of ${operation} is not one; it was not executed again.`,
      { operation },
      { cause },
    );
  }
}

/** Executes a unit in a transaction of its own, or with steps that are not recorded, and keeps no record. */
export async function runUnkeyed(unit: Unit, options: UnitOptions): Promise<Answer> {
  const execution = new Execution(unit, options);
  if (unit.mode === "lease") {
    // Nothing is undone and nothing is stored: the result is what it is.
    const result = await options.idempotency.runLeasedUnkeyed((context) =>
      execution.execute(() => ({ idempotency: context })),
    );
    return { result };
  }
  return { result: await execution.runAlone((context) => context) };
}

/** What a unit in a transaction gets of its run. */
type UnitContext = RunContext<unknown, string | undefined>;

/** One execution of a unit, within a run. A result that is not an answer as a whole is thrown, so that the run undoes it. */
class Execution {
  readonly #unit: Unit;
  readonly #options: UnitOptions;
  #result: ExecutionResult = {};
  #thrown: unknown;

  constructor(unit: Unit, options: UnitOptions) {
    this.#unit = unit;
    this.#options = options;
  }

  /** The result with its original errors, for the code that masks and logs them. */
  get result(): ExecutionResult {
    return this.#result;
  }

  /**
   * Executes in a transaction of its own; within a run, in a savepoint of that.
   *
   * @returns the result, whose writes are undone unless it is to be kept.
   */
  async runAlone(contextOf: (own: UnitContext) => UnitContext): Promise<ExecutionResult> {
    try {
      return await this.#options.idempotency.runUnkeyed((own) => this.run(contextOf(own)));
    } catch (error) {
      return this.resultUndoneBy(error);
    }
  }

  /** @throws an error that makes the run undo the writes, unless the result is to be kept. */
  async run(context: UnitContext): Promise<ExecutionResult> {
    return this.ended(
      this.#fields.length > 1
        ? await this.#executeEach(context)
        : await this.execute(inTransaction(this.#options.provide, context)),
    );
  }

  /** A root field that fails must leave none of its writes beside those of another, so each has a savepoint. */
  async #executeEach({ key, attempt, deriveKey }: UnitContext): Promise<ExecutionResult> {
    const { mutation, fields, ...unit } = this.#unit;
    const { result } = await executeFields(unit.args.schema, fields, async (field) => {
      const alone = { ...unit, args: argsOfField(unit.args, mutation, field), mutation, fields: [field] };
      const execution = new Execution(alone, this.#options);
      return {
        result: isMetaField(field)
          ? await execution.execute(() => ({}))
          : await execution.runAlone((own) => ({ ...own, key, attempt, deriveKey })),
      };
    });
    return result;
  }

  /** The result, if it is to be kept. @throws an error that makes the run undo the writes. */
  ended(result: ExecutionResult): ExecutionResult {
    const outcome = outcomeOf(result, this.#responseNames, this.#options.isExpected);
    this.#result = inOrder(outcome === "release" && "data" in result ? { ...result, data: null } : result);
    if (outcome !== "commit") {
      this.#thrown = outcome === "store" ? new FailedResult(this.#result) : causeOf(this.#result);
      throw this.#thrown;
    }
    return this.#result;
  }

  /** The executor's result. @throws {@link IdempotencyError} that a step threw in a resolver. */
  async execute(provided: ProvidedTo): Promise<ExecutionResult> {
    const { args, execute, mode } = this.#unit;
    const executed: unknown = await withProvided(
      args.contextValue as object,
      provided,
      async () => execute(args),
      (result) => ((result as ExecutionResult).errors ?? []).length > 0,
    );
    const result = wholeResult(executed, this.#responseNames);
    const failure = mode === "lease" ? stepFailureIn(result) : undefined;
    if (failure !== undefined) {
      throw failure;
    }
    return result;
  }

  get #responseNames(): string[] {
    return this.#fields.map(({ responseName }) => responseName);
  }

  /** Those that mutate. */
  get #fields(): RootField[] {
    return this.#unit.fields.filter((field) => !isMetaField(field));
  }

  /** The answer once the writes are undone; anything else that ended the run is rethrown. */
  resultUndoneBy(error: unknown): ExecutionResult {
    if (this.#thrown === undefined || error !== this.#thrown) {
      throw error;
    }
    return this.#result;
  }
}

/** A result that is an expected failure as a whole. */
class FailedResult extends Error {
  readonly result: ExecutionResult;

  constructor(result: ExecutionResult) {
    super("The mutation failed as expected");
    this.result = result;
  }
}

/** A stored failure, before it is known which document its positions are in. */
class StoredFailure extends Error {
  readonly stored: StoredResult;

  constructor(stored: StoredResult) {
    super("The mutation failed as expected, and that is stored");
    this.stored = stored;
  }
}

/** How a run stores a result that is a failure as a whole. */
export const storingResults: Pick<RunOptions, "storeError" | "errors"> = {
  storeError: (error) => error instanceof FailedResult,
  errors: {
    serialize: (error) => toStoredResult((error as FailedResult).result),
    deserialize: (stored) => new StoredFailure(stored as StoredResult),
  },
};

/** The resolver's own error, by which the run recognises a write conflict, which it may retry. */
function causeOf({ errors = [] }: ExecutionResult): Error {
  const error = errors.find((item) => !isDeliberate(item)) ?? errors[0];
  return error === undefined ? new Error("The mutation failed") : rootCause(error);
}

function wholeResult(executed: unknown, responseNames: readonly string[]): ExecutionResult {
  const result = executed as ExecutionResult;
  if (Symbol.asyncIterator in result || "initialResult" in result) {
    const operation = responseNames.join(",");
    throw new IdempotencyError(
      "RESULT_UNSTORABLE",
      `The result of ${operation} arrives in parts, which cannot be stored.`,
      { operation },
    );
  }
  return result;
}
