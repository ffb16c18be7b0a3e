import { isStoredCode, isStoredStatus, mayBeUnstored } from "./kept-answers.ts";
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
  const codes = codesOf(known);
  const isStatusKept = isRefusal(status)
    ? isStoredStatus(status, codes.length > 0 || status === known.data?.httpStatus)
    : codes.length > 0;
  // An error needs no code where the status speaks for it; our own codes about the key are final, though nothing is stored.
  const isFinalToo = isRefusal(status) ? /^(undefined$|IDEMPOTENCY_(KEY|RESULT)_)/ : /^IDEMPOTENCY_KEY_/;
  return isStatusKept && codes.every((code) => isStoredCode(code) || isFinalToo.test(String(code)));
}

// A problem's type, or tRPC's message, since tRPC's code may also be the application's own.
const REUSED = /problems\/key-reused|idempotency key was used before/;

/**
 * Whether a final failure may differ from what is stored under its key. A failure from in front of the handler leaves
 * nothing there, so the key would still execute; `KEY_REUSED` says that another request has its answer there.
 */
export function leavesKeyUnsettled(failure: unknown): boolean {
  const known = (failure ?? {}) as Failure;
  return mayBeUnstored(statusOf(known), codesOf(known)) || REUSED.test(textOf(known));
}

function statusOf({ data, status, response }: Failure): unknown {
  return data?.httpStatus ?? status ?? response?.status;
}

/** GraphQL also answers errors with status 200. */
function isRefusal(status: unknown): status is number {
  return (status as number) >= 400;
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
