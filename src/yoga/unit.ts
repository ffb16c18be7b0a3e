import type { ExecutionArgs, ExecutionResult, GraphQLError } from "graphql";
import { IdempotencyError } from "../core/errors.ts";
import type { Idempotency, RunContext, RunRequest, UnkeyedContext } from "../core/idempotency.ts";
import type { RunOptions } from "../core/options.ts";
import { isDeliberate, outcomeOf, rootCause } from "./outcome.ts";
import type { Execute } from "./plugin.ts";
import { withProvided } from "./provide.ts";
import { fromStoredResult, inOrder, type StoredResult, toStoredResult } from "./stored-result.ts";

/** What executes and is stored as one: a mutation, or one root field of it. */
export interface Unit {
  readonly args: ExecutionArgs;
  readonly execute: Execute;
  readonly responseNames: readonly string[];
}

/** What all units of a plugin have in common. */
export interface UnitOptions {
  readonly idempotency: Idempotency<unknown>;
  readonly provide: string;
  readonly isExpected: (error: GraphQLError) => boolean;
  readonly run: RunOptions;
}

export type UnitRequest = Pick<RunRequest, "operation" | "key" | "scope" | "input">;

export interface Answer {
  readonly result: ExecutionResult;
  readonly replayed: boolean;
}

/** Executes a unit at most once per key, or gives its stored result. */
export async function runKeyed(unit: Unit, request: UnitRequest, options: UnitOptions): Promise<Answer> {
  const execution = new Execution(unit, options);
  const source = unit.args.document.loc?.source;
  try {
    const settled = await options.idempotency.runSettled<StoredResult>(
      {
        ...options.run,
        ...request,
        storeError: (error) => error instanceof FailedResult,
        errors: {
          serialize: (error) => toStoredResult((error as FailedResult).result),
          deserialize: (stored) => new FailedResult(fromStoredResult(stored as StoredResult, source)),
        },
      },
      async (context) => toStoredResult(await execution.run(context)),
    );
    const { replayed } = settled;
    if (settled.status === "failed") {
      return { result: (settled.error as FailedResult).result, replayed };
    }
    const stored = fromStoredResult(settled.value, source);
    // Masking and logging need the errors as they were thrown.
    return { result: replayed ? stored : { ...execution.result, data: stored.data ?? null }, replayed };
  } catch (error) {
    return { result: execution.resultUndoneBy(error), replayed: false };
  }
}

/** Executes a unit in a transaction of its own, and keeps no record. */
export async function runUnkeyed(unit: Unit, options: UnitOptions): Promise<Answer> {
  const execution = new Execution(unit, options);
  try {
    const result = await options.idempotency.runUnkeyed((context) => execution.run(context), options.run);
    return { result, replayed: false };
  } catch (error) {
    return { result: execution.resultUndoneBy(error), replayed: false };
  }
}

/** One execution of a unit, within the transaction of a run. A result with errors is an error to the run. */
class Execution {
  readonly #unit: Unit;
  readonly #options: UnitOptions;
  #result: ExecutionResult = {};
  #thrown: unknown;

  constructor(unit: Unit, options: UnitOptions) {
    this.#unit = unit;
    this.#options = options;
  }

  /** The result with its original errors, for what masks and logs them. */
  get result(): ExecutionResult {
    return this.#result;
  }

  /** @throws what makes the run undo the writes, unless the result is to be kept. */
  async run(context: RunContext<unknown> | UnkeyedContext<unknown>): Promise<ExecutionResult> {
    const { args, execute, responseNames } = this.#unit;
    const { provide, isExpected } = this.#options;
    const executed: unknown = await withProvided(
      args.contextValue as object,
      provide,
      context,
      async () => execute(args),
      (result) => ((result as ExecutionResult).errors ?? []).length > 0,
    );
    const result = wholeResult(executed, responseNames);
    const outcome = outcomeOf(result, responseNames, isExpected);
    this.#result = inOrder(outcome === "released" && "data" in result ? { ...result, data: null } : result);
    if (outcome !== "completed") {
      this.#thrown = outcome === "failed" ? new FailedResult(this.#result) : causeOf(this.#result);
      throw this.#thrown;
    }
    return this.#result;
  }

  /** The answer after the writes were undone; anything else that ended the run is thrown on. */
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

/** The resolver's own error, by which the run recognises a write conflict that it may repeat. */
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
      `The result of ${operation} arrives in parts, which cannot be stored; it was rolled back.`,
      { operation },
    );
  }
  return result;
}
