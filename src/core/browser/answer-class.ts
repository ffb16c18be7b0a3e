import { asksForRetry, isLostAnswer, isRetryableAnswer } from "./retryable.ts";
import {
  endsIntent,
  isSharedByAll,
  OUTCOME,
  OUTCOME_HEADER,
  type ToldOutcome,
  toldBy,
  toldByHeader,
} from "./told-outcome.ts";

/** A `Response`, or what a library makes of it. */
interface Answer {
  readonly status?: unknown;
  readonly headers?: Partial<Headers> | null;
  readonly errors?: unknown;
  readonly data?: unknown;
  readonly extensions?: { readonly idempotency?: InBand | null } | null;
}

interface InBand {
  readonly outcome?: unknown;
  readonly partial?: unknown;
}

/** The properties of problem documents, and of the errors of fetch wrappers, tRPC, graphql-request, urql and Apollo Client. */
interface Failure extends Answer {
  readonly ok?: unknown;
  readonly message?: unknown;
  /** Of a problem document. */
  readonly type?: unknown;
  readonly response?: Answer | null;
  readonly data?: { readonly httpStatus?: unknown } | null;
  readonly graphQLErrors?: unknown;
  readonly networkError?: { readonly response?: Answer | null } | null;
  readonly cause?: unknown;
  /** Of tRPC: the error as the server's formatter has made it. */
  readonly shape?: { readonly data?: { readonly idempotency?: InBand | null } | null } | null;
  /** Of tRPC. The response may be that of a batch, which our link has read. */
  readonly meta?: { readonly [OUTCOME]?: unknown; readonly response?: Answer | null } | null;
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
 * Whether an intent has ended with this: success, or an answer that was told to be kept for its key, or to be of no use with
 * it. After an error of which nothing is told, nobody knows what a later request with the key will get.
 *
 * @param ending an error, a `Response`, or nothing for success
 */
export function isOver(ending: unknown): boolean {
  const told = toldOf(ending);
  const isSuccess = ending === undefined || ending === null || (ending as Failure).ok === true;
  return told === undefined ? isSuccess : endsIntent(told);
}

/**
 * Whether the mutation was refused as a whole, and everybody who sends its key is told so. With data beside its errors, or
 * where the server says so, a part of it was made.
 */
export function isRefusedForAll(ending: unknown): boolean {
  const known = (ending ?? {}) as Failure;
  const errors = errorsOf(known);
  return (
    isSharedByAll(toldOf(ending)) &&
    !isPartial(ending) &&
    (errors.length === 0 ? isRefusal(statusOf(known)) || ending instanceof Error : !hasData(known, errors))
  );
}

/** What an answer tells of its key: in the body of GraphQL or of tRPC, in the link of tRPC, else in the header. */
function toldOf(ending: unknown): ToldOutcome | undefined {
  const { meta } = (ending ?? {}) as Failure;
  const inBand = inBandOf(ending);
  if (inBand) {
    return toldBy(inBand.outcome);
  }
  return meta && OUTCOME in meta ? toldBy(meta[OUTCOME]) : toldByHeader(headerOf(answerOf(ending)));
}

/** Whether an answer tells that some of its mutation was made. */
function isPartial(ending: unknown): boolean {
  return inBandOf(ending)?.partial === true || /;partial/.test(String(headerOf(answerOf(ending))));
}

function inBandOf(ending: unknown): InBand | null | undefined {
  const { shape, response, extensions } = (ending ?? {}) as Failure;
  return (shape?.data ?? response?.extensions ?? extensions)?.idempotency;
}

function answerOf(ending: unknown): Answer {
  const known = (ending ?? {}) as Failure;
  return known.response ?? known.meta?.response ?? known.networkError?.response ?? known;
}

/** Some libraries keep headers in an object of their own. */
function headerOf({ headers }: Answer): string | null | undefined {
  return typeof headers?.get === "function"
    ? headers.get(OUTCOME_HEADER)
    : (headers as Record<string, string> | undefined)?.[OUTCOME_HEADER];
}

/** Where a library does not show the data, an error below a root field may stand beside it. */
function hasData({ response, data }: Failure, errors: readonly GraphQLErrorLike[]): boolean {
  const shown = response && "data" in response ? response.data : data;
  return shown === undefined
    ? errors.some((error) => (error?.path?.length ?? 0) > 1)
    : Object.values(shown ?? {}).some((value) => (value ?? null) !== null);
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
  const codes = errorsOf(failure).map((error) => error?.extensions?.code);
  return [failure.type, failure.message, ...codes].join();
}

/** Those of GraphQL. */
function errorsOf({ graphQLErrors, errors, response }: Failure): readonly GraphQLErrorLike[] {
  const all = graphQLErrors ?? errors ?? response?.errors;
  return Array.isArray(all) ? (all as readonly GraphQLErrorLike[]) : [];
}

type GraphQLErrorLike =
  | { readonly extensions?: { readonly code?: unknown } | null; readonly path?: readonly unknown[] }
  | null
  | undefined;
