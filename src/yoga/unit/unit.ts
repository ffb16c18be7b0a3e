import type { ExecutionArgs, ExecutionResult, GraphQLError, Source } from "graphql";
import type { Mode } from "../../core/adapter/options.ts";
import type { Told } from "../../core/adapter/told-outcome.ts";
import { IdempotencyError } from "../../core/contract/errors.ts";
import type { Idempotency, RunRequest } from "../../core/contract/idempotency.ts";
import type { RunOptions } from "../../core/contract/options.ts";
import { isDeliberate, outcomeOf, rootCause, stepFailureIn } from "./outcome.ts";
import { inTransaction, type ProvidedTo, withProvided } from "./provide.ts";
import { fromStoredResult, inOrder, type StoredResult, toStoredResult } from "./stored-result.ts";

/** Executes one operation. The result is `unknown`, as an executor may also answer with a stream. */
export type Execute = (args: ExecutionArgs) => unknown;

/** What is executed and stored as one: a mutation, or one root field of it. */
export interface Unit {
  readonly args: ExecutionArgs;
  readonly execute: Execute;
  readonly responseNames: readonly string[];
  readonly mode: Mode;
}

/** What all units of a plugin have in common. */
export interface UnitOptions {
  /** With {@link storingResults}. */
  readonly idempotency: Idempotency<unknown>;
  readonly provide: string | undefined;
  readonly isExpected: (error: GraphQLError) => boolean;
}

export type UnitRequest = Pick<RunRequest, "operation" | "key" | "scope" | "input" | "isRetry">;

export interface Answer {
  readonly result: ExecutionResult;
  /** Of a unit that has a key. */
  readonly told?: Told | undefined;
}

/** Executes a unit at most once per key, or gives its stored result. */
export async function runKeyed(unit: Unit, request: UnitRequest, options: UnitOptions): Promise<Answer> {
  const { idempotency, provide } = options;
  const execution = new Execution(unit, options);
  const source = unit.args.document.loc?.source;
  const handle = async (provided: ProvidedTo) => toStoredResult(await execution.run(provided));
  try {
    const settled = await (unit.mode === "lease"
      ? idempotency.runLeasedSettled(request, (context) => handle(() => ({ idempotency: context })))
      : idempotency.runSettled(request, (context) => handle(inTransaction(provide, context))));
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
  const { idempotency, provide } = options;
  const execution = new Execution(unit, options);
  if (unit.mode === "lease") {
    // Nothing is undone and nothing is stored: the result is what it is.
    const result = await idempotency.runLeasedUnkeyed((context) =>
      execution.execute(() => ({ idempotency: context })),
    );
    return { result };
  }
  try {
    const result = await idempotency.runUnkeyed((context) => execution.run(inTransaction(provide, context)));
    return { result };
  } catch (error) {
    return { result: execution.resultUndoneBy(error) };
  }
}

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

  /** @throws an error that makes the run undo the writes, unless the result is to be kept. */
  async run(provided: ProvidedTo): Promise<ExecutionResult> {
    const { responseNames } = this.#unit;
    const { isExpected } = this.#options;
    const result = await this.execute(provided);
    const outcome = outcomeOf(result, responseNames, isExpected);
    this.#result = inOrder(outcome === "release" && "data" in result ? { ...result, data: null } : result);
    if (outcome !== "commit") {
      this.#thrown = outcome === "store" ? new FailedResult(this.#result) : causeOf(this.#result);
      throw this.#thrown;
    }
    return this.#result;
  }

  /** The executor's result. @throws {@link IdempotencyError} that a step threw in a resolver. */
  async execute(provided: ProvidedTo): Promise<ExecutionResult> {
    const { args, execute, responseNames, mode } = this.#unit;
    const executed: unknown = await withProvided(
      args.contextValue as object,
      provided,
      async () => execute(args),
      (result) => ((result as ExecutionResult).errors ?? []).length > 0,
    );
    const result = wholeResult(executed, responseNames);
    const failure = mode === "lease" ? stepFailureIn(result) : undefined;
    if (failure !== undefined) {
      throw failure;
    }
    return result;
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
