import { asksForRetry, isLostAnswer, isRetryableAnswer } from "./retryable.ts";

/** The properties of problem documents, and of the errors of fetch wrappers, tRPC, graphql-request, urql and Apollo Client. */
interface Failure {
  readonly message?: unknown;
  /** Of a problem document. */
  readonly type?: unknown;
  readonly status?: unknown;
  readonly response?: { readonly status?: unknown; readonly errors?: unknown } | null;
  readonly data?: { readonly httpStatus?: unknown } | null;
  readonly errors?: unknown;
  readonly graphQLErrors?: unknown;
  readonly networkError?: unknown;
  readonly cause?: unknown;
}

/** Codes and statuses that the servers do not store: the same request may get another answer later. */
const RELEASED_CODE =
  /^(IDEMPOTENCY_(?!KEY_).*|INTERNAL_(SERVER_)?ERROR|UNEXPECTED_ERROR|NOT_IMPLEMENTED|BAD_GATEWAY|SERVICE_UNAVAILABLE|.*TIMEOUT|DOWNSTREAM_SERVICE_ERROR|UNAUTHENTICATED|UNAUTHORIZED|FORBIDDEN|CONFLICT|TOO_MANY_REQUESTS|RATE_LIMITED|CLIENT_CLOSED_REQUEST)$/;
const RELEASED_STATUS: ReadonlySet<number> = new Set([401, 403, 407, 408, 409, 425, 429, 499]);

/**
 * Whether the same request with the same key may be sent again after this failure: either no answer came (a network error
 * or a timeout, not an abort), or the answer says so (408, 425, 429, 502, 503, 504, and 409 if it is this package's
 * `IN_PROGRESS` or `LEASE_LOST`). Knows what `fetch`, tRPC, graphql-request, urql and Apollo Client throw, and any error
 * that has the answer's `status` and, for a 409, also the `type` of its problem document.
 */
export function isRetryable(failure: unknown): boolean {
  const known = (failure ?? {}) as Failure;
  const status = statusOf(known);
  const text = textOf(known);
  return isRefusal(status)
    ? isRetryableAnswer(status, text)
    : asksForRetry(text) || [known, known.networkError, known.cause].some(isLostAnswer);
}

/**
 * Whether a failure is the answer for its key: the mutation was refused, and would be again. False if nobody knows
 * whether it was executed, or if the answer depends on who asks, or when.
 */
export function isFinal(failure: unknown): boolean {
  const known = (failure ?? {}) as Failure;
  const status = statusOf(known);
  if (asksForRetry(textOf(known))) {
    return false;
  }
  if (isRefusal(status)) {
    return status < 500 && !RELEASED_STATUS.has(status);
  }
  const codes = codesOf(known);
  return codes.length > 0 && codes.every((code) => typeof code === "string" && !RELEASED_CODE.test(code));
}

// A problem's type, GraphQL's extensions.code, or tRPC's message, since tRPC's code may also be the application's own.
const REUSED = /problems\/key-reused|IDEMPOTENCY_KEY_PARAMETER_MISMATCH|idempotency key was used before/;

// What routers, validation and gateways answer before a handler is called.
const UNSTORED_STATUS: ReadonlySet<number> = new Set([400, 404, 405, 406, 411, 413, 414, 415, 431]);
const UNSTORED_CODE = /^(GRAPHQL_|PERSISTED_|IDEMPOTENCY_|BAD_(REQUEST|USER_INPUT)$)/;

/**
 * Whether a final failure may differ from what is stored under its key. A failure from in front of the handler leaves
 * nothing there, so the key would still execute; `KEY_REUSED` says that another request has its answer there.
 */
export function leavesKeyUnsettled(failure: unknown): boolean {
  const known = (failure ?? {}) as Failure;
  return (
    UNSTORED_STATUS.has(statusOf(known) as number) ||
    codesOf(known).some((code) => UNSTORED_CODE.test(String(code))) ||
    REUSED.test(textOf(known))
  );
}

function statusOf({ data, status, response }: Failure): unknown {
  return data?.httpStatus ?? status ?? response?.status;
}

/** GraphQL also answers errors with status 200. */
function isRefusal(status: unknown): status is number {
  return typeof status === "number" && status >= 400;
}

/** Where the name of one of our errors may appear. */
function textOf(failure: Failure): string {
  return [failure.type, failure.message, ...codesOf(failure)].join();
}

/** `extensions.code` of the GraphQL errors. */
function codesOf({ graphQLErrors, errors, response }: Failure): readonly unknown[] {
  const all = graphQLErrors ?? errors ?? response?.errors;
  return Array.isArray(all) ? all.map((error: GraphQLErrorLike) => error?.extensions?.code) : [];
}

type GraphQLErrorLike = { readonly extensions?: { readonly code?: unknown } | null } | null | undefined;
