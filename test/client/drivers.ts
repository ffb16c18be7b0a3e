/** Every client library as one thing: a page that places an order under a key. */
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink, retryLink } from "@trpc/client";
import { Client, fetchExchange } from "@urql/core";
import { GraphQLClient } from "graphql-request";
import { idempotencyKeyHeader, idempotentFetch } from "../../src/client/index.ts";
import { idempotencyHeaders, idempotencyLink, retryIdempotent } from "../../src/trpc/client/index.ts";
import type { AppRouter, Order } from "./shop.ts";

/** Places an order, with the key or with one that the library makes, and gives the id of the order. */
type Place = (order: Order, key?: string, signal?: AbortSignal) => Promise<string>;

interface Timing {
  attemptsMax: number;
  attemptMs: number;
  backoffMs: number;
  backoffMsMax: number;
}

/** A page that was just loaded. */
export type OpenPage = (url: string, timing: Timing) => Place;

const PLACE = `mutation Place($customer: String!, $item: String!, $quantity: Int!) {
  place(customer: $customer, item: $item, quantity: $quantity)
}`;

function headersOf(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { ...idempotencyKeyHeader(key) };
}

const rest: OpenPage = (url, timing) => {
  const fetch = idempotentFetch(timing);
  return async (order, key, signal) => {
    const response = await fetch(`${url}/orders`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headersOf(key) },
      body: JSON.stringify(order),
      ...(signal && { signal }),
    });
    if (!response.ok) throw Object.assign(new Error("refused"), { response });
    return ((await response.json()) as { id: string }).id;
  };
};

const graphqlRequest: OpenPage = (url, timing) => {
  const client = new GraphQLClient(`${url}/graphql`, { fetch: idempotentFetch(timing) });
  return async (order, key, signal) => {
    const { place } = await client.request<{ place: string }>({
      document: PLACE,
      variables: { ...order },
      requestHeaders: headersOf(key),
      ...(signal && { signal }),
    });
    return place;
  };
};

const urql: OpenPage = (url, timing) => {
  const client = new Client({
    url: `${url}/graphql`,
    exchanges: [fetchExchange],
    fetch: idempotentFetch(timing),
    preferGetMethod: false,
  });
  return (order, key, signal) =>
    new Promise((resolve, reject) => {
      const fetchOptions = { headers: headersOf(key) };
      const { unsubscribe } = client
        .mutation<{ place: string }>(PLACE, order, { fetchOptions })
        .subscribe(({ data, error }) => (data ? resolve(data.place) : reject(error as Error)));
      // It takes no signal, and goes on with a mutation that nobody listens to: the page is merely gone.
      const stop = () => {
        unsubscribe();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", stop);
    });
};

const apollo: OpenPage = (url, timing) => {
  const link = new HttpLink({ uri: `${url}/graphql`, fetch: idempotentFetch(timing) });
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const mutation = gql(PLACE);
  return async (order, key, signal) => {
    const context = { headers: headersOf(key), ...(signal && { fetchOptions: { signal } }) };
    const { data } = await client.mutate<{ place: string }>({ mutation, variables: { ...order }, context });
    if (data === undefined) throw new Error("neither data nor an error");
    return data.place;
  };
};

const terminating = { httpLink, httpBatchLink, httpBatchStreamLink };

/** With tRPC the links retry; a time-out per attempt is the `fetch`'s. */
export function trpc(
  terminatingLink: keyof typeof terminating,
  order: "key first" | "retry first",
): OpenPage {
  return (url, { attemptMs, ...timing }) => {
    const oneAttempt = idempotentFetch({ attemptsMax: 1, attemptMs });
    const links = [idempotencyLink<AppRouter>(), retryLink<AppRouter>(retryIdempotent(timing))];
    const last = terminating[terminatingLink]({
      url: `${url}/trpc`,
      headers: idempotencyHeaders,
      fetch: (input, init) => oneAttempt(input as string, init as RequestInit),
    });
    const client = createTRPCClient<AppRouter>({
      links: [...(order === "key first" ? links : links.toReversed()), last],
    });
    return (input, key, signal) =>
      client.place.mutate(input, {
        ...(key !== undefined && { context: { idempotencyKey: key } }),
        ...(signal && { signal }),
      });
  };
}

/** The libraries that take a `fetch`. */
export const fetching = { REST: rest, "graphql-request": graphqlRequest, urql, "Apollo Client": apollo };

/** tRPC's links. */
export const linked = {
  "httpLink, key first": trpc("httpLink", "key first"),
  "httpLink, retry first": trpc("httpLink", "retry first"),
  "httpBatchLink, key first": trpc("httpBatchLink", "key first"),
  "httpBatchLink, retry first": trpc("httpBatchLink", "retry first"),
  "httpBatchStreamLink, key first": trpc("httpBatchStreamLink", "key first"),
  "httpBatchStreamLink, retry first": trpc("httpBatchStreamLink", "retry first"),
};
