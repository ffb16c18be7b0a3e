/** The clients of the package, as their users have them, to one address of the application. */
import { createTRPCClient, httpBatchLink, retryLink, TRPCClientError } from "@trpc/client";
import { ClientError, GraphQLClient } from "graphql-request";
import { idempotencyKeyHeader, idempotentFetch, isRetryable } from "../../../src/client/index.ts";
import { idempotencyHeaders, idempotencyLink, retryIdempotent } from "../../../src/trpc/client/index.ts";
import type { Wanted } from "../application/mutations.ts";
import type { AppRouter } from "../application/trpc.ts";
import type { Answer, Receipt } from "../told.ts";

/** @throws what may be repeated with the same key. */
export type Caller = (kind: "place" | "pay", wanted: Wanted, key: string) => Promise<Answer>;

/** Less than a process stands still for. */
const ATTEMPT_MS = 6_000;
const LIMITS = { attemptsMax: 3, totalMs: 20_000, backoffMs: 50, backoffMsMax: 1_000 };

/** Errors of no adapter of ours: the handler's own, and those of a transaction whose connection was lost or stood still. */
const UNEXPECTED =
  /a mistake of the handler|\/charges (?:did not answer|answered)|fetch failed|aborted|timeout|[Tt]ransaction|connection|Unexpected error/;

const deniedUnless = (isFree: boolean, text: string, error: unknown): Answer => {
  if (isFree) throw error;
  return { denied: text };
};

/** An expected error is the end of it if it is stored. Where the database would not store it, a retry may end otherwise. */
const soldOutIf = (isFinal: boolean, error: unknown): Answer => {
  if (!isFinal) throw error;
  return { soldOut: true };
};

const isStored = (headers: Headers) => headers.get("idempotency-outcome") === "stored";

export function callersOf(origin: string): Record<"trpc" | "yoga" | "http", Caller> {
  return { trpc: overTrpc(origin), yoga: overGraphql(origin), http: overHttp(origin) };
}

function overTrpc(origin: string): Caller {
  const timed = idempotentFetch({ attemptsMax: 1, attemptMs: ATTEMPT_MS });
  const client = createTRPCClient<AppRouter>({
    links: [
      idempotencyLink(),
      retryLink(retryIdempotent(LIMITS)),
      httpBatchLink({
        url: `${origin}/trpc`,
        headers: idempotencyHeaders,
        maxItems: 8,
        fetch: (url, init) => timed(url, init as RequestInit),
      }),
    ],
  });
  return async (kind, wanted, idempotencyKey) => {
    try {
      return { receipt: await client[kind].mutate(wanted, { context: { idempotencyKey } }) };
    } catch (error) {
      if (!(error instanceof TRPCClientError)) throw error;
      const { data } = error as TRPCClientError<AppRouter>;
      const code = data?.code;
      if (code === "PRECONDITION_FAILED") return soldOutIf(data?.idempotency?.outcome === "stored", error);
      const isUnexpected = code === "INTERNAL_SERVER_ERROR" && UNEXPECTED.test(error.message);
      return deniedUnless(isRetryable(error) || isUnexpected, `${code}: ${error.message}`, error);
    }
  };
}

function overGraphql(origin: string): Caller {
  const client = new GraphQLClient(`${origin}/graphql`, {
    fetch: idempotentFetch({ ...LIMITS, attemptMs: ATTEMPT_MS }),
  });
  const documentOf = (kind: string) =>
    `mutation ($intent: String!, $quantity: Int!, $isSoldOut: Boolean!) {
      receipt: ${kind}(intent: $intent, quantity: $quantity, isSoldOut: $isSoldOut) { orderId by quantity }
    }`;
  const documents = { place: documentOf("place"), pay: documentOf("pay") };
  return async (kind, wanted, key) => {
    try {
      const variables = { ...wanted };
      return await client.request<{ receipt: Receipt }>({
        document: documents[kind],
        variables,
        requestHeaders: { ...idempotencyKeyHeader(key) },
      });
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const [first] = error.response.errors ?? [];
      const code = first?.extensions?.["code"];
      if (code === "SOLD_OUT") return soldOutIf(isStored(error.response.headers as Headers), error);
      const isUnexpected = code === "INTERNAL_SERVER_ERROR" && UNEXPECTED.test(first?.message ?? "");
      return deniedUnless(isRetryable(error) || isUnexpected, `${String(code)}: ${error.message}`, error);
    }
  };
}

const PATHS = { place: "/orders", pay: "/payments" };

function overHttp(origin: string): Caller {
  const fetch = idempotentFetch({ ...LIMITS, attemptMs: ATTEMPT_MS });
  return async (kind, wanted, key) => {
    const response = await fetch(origin + PATHS[kind], {
      method: "POST",
      headers: { "Content-Type": "application/json", ...idempotencyKeyHeader(key) },
      body: JSON.stringify(wanted),
    });
    const text = await response.text();
    const replayed = response.headers.get("idempotent-replayed") !== null;
    if (response.status === 201 && isStored(response.headers))
      return { receipt: JSON.parse(text) as Receipt, replayed };
    // A plain 500 is the server adapter's, for what a handler threw; ours has a problem document.
    const isUnexpected = response.status === 500 && !text.includes('"type"');
    const error = new Error(`${response.status}: ${text}`);
    if (response.status === 410) return { ...soldOutIf(isStored(response.headers), error), replayed };
    return deniedUnless(
      // Each of the package's 409 asks for a retry; whose one is, the body tells, which is read.
      isUnexpected || response.status === 409 || isRetryable(Object.assign(error, { response })),
      error.message,
      error,
    );
  };
}
