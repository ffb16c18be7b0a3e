import { type ExecutionResult, GraphQLError } from "graphql";
import {
  type AnyIdempotencyError,
  type IdempotencyErrorCode,
  isIdempotencyError,
  unwrapped,
} from "../core/contract/errors.ts";

/** What becomes of an executed mutation. */
export type Outcome =
  /** Its writes are kept and its result is stored: some root field has an answer, and every error is expected. */
  | "completed"
  /** Its writes are undone and its result is stored: no root field has an answer, and every error is expected. */
  | "failed"
  /** Its writes are undone and nothing is stored: a retry executes again. */
  | "released";

export function outcomeOf(
  result: ExecutionResult,
  responseNames: readonly string[],
  isExpected: (error: GraphQLError) => boolean,
): Outcome {
  const errors = result.errors ?? [];
  if (errors.length === 0) {
    return "completed";
  }
  // Without data, not even the variables were valid: finding that out again costs nothing.
  if (!("data" in result) || !errors.every((error) => isDeliberate(error) && isExpected(error))) {
    return "released";
  }
  const failed = new Set(errors.map(({ path }) => path?.[0]));
  const { data } = result;
  const isAllFailed =
    !data || responseNames.every((name) => failed.has(name) && (data[name] ?? null) === null);
  return isAllFailed ? "failed" : "completed";
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
