import { type ExecutionResult, GraphQLError } from "graphql";
import { answeredAtOnce } from "../../core/contract/callbacks.ts";
import {
  type AnyIdempotencyError,
  type IdempotencyErrorCode,
  isIdempotencyError,
  unwrapped,
} from "../../core/contract/errors/errors.ts";
import type { Outcome } from "../../core/contract/outcome.ts";

/**
 * The outcome of a mutation: `"commit"` if some root field has an answer and every error is expected; `"store"` if no root
 * field has an answer and every error is expected; else `"release"`.
 */
export function outcomeOf(
  result: ExecutionResult,
  responseNames: readonly string[],
  isExpected: (error: GraphQLError) => boolean,
): Outcome {
  const errors = result.errors ?? [];
  if (errors.length === 0) {
    return "commit";
  }
  // Without data, not even the variables were valid: finding that out again costs nothing.
  if (
    !("data" in result) ||
    !errors.every((error) => isDeliberate(error) && answeredAtOnce("storeError", isExpected(error)))
  ) {
    return "release";
  }
  const failed = new Set(errors.map(({ path }) => path?.[0]));
  const { data } = result;
  const isAllFailed =
    !data || responseNames.every((name) => failed.has(name) && (data[name] ?? null) === null);
  return isAllFailed ? "store" : "commit";
}

/**
 * Whether a resolver threw a `GraphQLError`, whose text is meant for clients. Any other error is masked in answers
 * because of what it is; once stored, it could no longer be told apart, and its text would be replayed.
 */
export function isDeliberate(error: unknown): boolean {
  if (!(error instanceof Error) || !(error instanceof GraphQLError || error.name === "GraphQLError")) {
    return false;
  }
  const { originalError } = error as Partial<GraphQLError>;
  return originalError === undefined || originalError === null || isDeliberate(originalError);
}

/** What a resolver threw, inside the wrappers that locate it. */
export function rootCause(error: Error): Error {
  const { originalError } = error as Partial<GraphQLError>;
  return originalError ? rootCause(originalError) : error;
}

/**
 * The error of ours that a step of a leased run threw in a resolver: it says whether a retry makes sense. Errors of other
 * runs that a resolver started, such as `KEY_REUSED`, are about keys that are not the client's.
 */
export function stepFailureIn({ errors = [] }: ExecutionResult): AnyIdempotencyError | undefined {
  return errors
    .map((error) => unwrapped(rootCause(error)))
    .filter(isIdempotencyError)
    .find(({ code }) => STEP_CODES.has(code));
}

const STEP_CODES: ReadonlySet<IdempotencyErrorCode> = new Set([
  "LEASE_LOST",
  "STORE_UNAVAILABLE",
  "STORE_MISCONFIGURED",
  "RESULT_UNSTORABLE",
  "RESULT_UNREADABLE",
] as const);
