import { GraphQLError, type GraphQLErrorOptions } from "graphql";
import {
  type AnyIdempotencyError,
  type IdempotencyErrorCode,
  isTooLarge,
} from "../../core/contract/errors/errors.ts";

interface GraphQLMapping {
  /** `extensions.code`. */
  readonly code: `IDEMPOTENCY_${string}`;
  /** `extensions.http.status`, which Yoga answers with. */
  readonly status: number;
}

const MAPPING = {
  KEY_MISSING: { code: "IDEMPOTENCY_KEY_MISSING", status: 400 },
  KEY_INVALID: { code: "IDEMPOTENCY_KEY_INVALID", status: 400 },
  INPUT_INVALID: { code: "IDEMPOTENCY_INPUT_INVALID", status: 400 },
  KEY_REUSED: { code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", status: 422 },
  IN_PROGRESS: { code: "IDEMPOTENCY_CONCURRENT_REQUEST", status: 409 },
  CLAIM_LOST: { code: "IDEMPOTENCY_CLAIM_LOST", status: 409 },
  LEASE_LOST: { code: "IDEMPOTENCY_LEASE_LOST", status: 409 },
  ATTEMPTS_EXHAUSTED: { code: "IDEMPOTENCY_ATTEMPTS_EXHAUSTED", status: 500 },
  STORE_UNAVAILABLE: { code: "IDEMPOTENCY_STORE_UNAVAILABLE", status: 503 },
  STORE_MISCONFIGURED: { code: "IDEMPOTENCY_STORE_MISCONFIGURED", status: 500 },
  RESULT_UNSTORABLE: { code: "IDEMPOTENCY_RESULT_UNSTORABLE", status: 500 },
  RESULT_UNREADABLE: { code: "IDEMPOTENCY_RESULT_UNREADABLE", status: 500 },
  SCOPE_MISSING: { code: "IDEMPOTENCY_SCOPE_MISSING", status: 500 },
} as const satisfies Record<IdempotencyErrorCode, GraphQLMapping>;

/**
 * Converts one of our errors to a `GraphQLError`. If it is the whole answer, it gets `extensions.http`, from which Yoga
 * takes status and headers; beside the answers of other root fields, it must not set those.
 */
export function toGraphQLError(
  error: AnyIdempotencyError,
  { isWholeAnswer = true, ...place }: ErrorPlace = {},
): GraphQLError {
  const { code, status: usual } = MAPPING[error.code];
  const status = isTooLarge(error) ? 413 : usual;
  const { retryAfterMs } = error;
  const headers =
    retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfterMs / 1_000)) };
  const converted = new GraphQLError(error.message, {
    ...place,
    extensions: {
      code,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(isWholeAnswer ? { http: { status, headers } } : {}),
    },
  });
  // Not as `originalError`, which would have it masked. For logs only: it does not reach the client.
  Object.defineProperty(converted, "cause", { value: error, configurable: true, writable: true });
  return converted;
}

interface ErrorPlace extends Pick<GraphQLErrorOptions, "nodes" | "path"> {
  readonly isWholeAnswer?: boolean;
}
