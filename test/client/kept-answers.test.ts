// @vitest-environment happy-dom
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { renderHook } from "@testing-library/react";
import { createTRPCClient, httpBatchLink, httpLink } from "@trpc/client";
import { TRPCError } from "@trpc/server";
import { getHTTPStatusCodeFromError } from "@trpc/server/http";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/unstable-core-do-not-import";
import { Client, fetchExchange } from "@urql/core";
import { GraphQLError } from "graphql";
import { GraphQLClient } from "graphql-request";
import { createSchema, createYoga } from "graphql-yoga";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { idempotencyKeyHeader, idempotentFetch } from "../../src/client/index.ts";
import { outcomeOf, type ResponseOutcome, withIdempotency } from "../../src/http/index.ts";
import { createIdempotency } from "../../src/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { idempotencyHeaders, idempotencyLink } from "../../src/trpc/client/index.ts";
import { idempotencyMiddleware, isExpectedError as isExpectedByTRPC } from "../../src/trpc/index.ts";
import { isExpectedError as isExpectedByYoga, useIdempotency } from "../../src/yoga/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { scaled } from "../support/scale.ts";
import { app, type Context, t } from "../trpc/support.ts";

const statuses = Array.from({ length: 400 }, (_, index) => 200 + index);
/** Those sent through server and client. Above 4xx and between, nobody tells one status from the next. */
const walked = scaled({
  short: statuses.filter(
    (status) => (status >= 400 && status < 432) || status % 100 === 0 || status % 100 === 99,
  ),
  long: statuses,
});

const releasedCodes = [
  "INTERNAL_SERVER_ERROR",
  "INTERNAL_ERROR",
  "UNEXPECTED_ERROR",
  "NOT_IMPLEMENTED",
  "BAD_GATEWAY",
  "SERVICE_UNAVAILABLE",
  "GATEWAY_TIMEOUT",
  "DOWNSTREAM_SERVICE_ERROR",
  "UNAUTHENTICATED",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "TIMEOUT",
  "REQUEST_TIMEOUT",
  "CONFLICT",
  "TOO_MANY_REQUESTS",
  "RATE_LIMITED",
  "CLIENT_CLOSED_REQUEST",
];
const trpcCodes = Object.keys(TRPC_ERROR_CODES_BY_KEY) as (keyof typeof TRPC_ERROR_CODES_BY_KEY)[];
const graphqlCodes = [
  ...new Set([...releasedCodes, ...trpcCodes, "OUT_OF_STOCK", "PAYMENT_TIMEOUT", "BAD_USER_INPUT"]),
];

describe("by default, servers store", () => {
  it("of plain HTTP what blames the request", () => {
    const released = statuses.filter((status) => outcomeOf({ status, headers: new Headers() }) === "release");
    expect(released.filter((status) => status < 500)).toEqual([
      401, 403, 407, 408, 409, 412, 421, 423, 424, 425, 428, 429, 499,
    ]);
    expect(released.filter((status) => status >= 500)).toHaveLength(100);
  });

  it("of GraphQL no code that says that the moment was wrong", () => {
    const isExpected = (code: unknown) => isExpectedByYoga(new GraphQLError("no", { extensions: { code } }));
    expect(releasedCodes.filter(isExpected)).toEqual([]);
    expect(["OUT_OF_STOCK", "PAYMENT_TIMEOUT", "CONFLICTING"].filter((code) => !isExpected(code))).toEqual(
      [],
    );
    expect([5, null, "IDEMPOTENCY_KEY_INVALID"].filter(isExpected)).toEqual([]);
  });

  it("of tRPC what has such a status", () => {
    for (const code of trpcCodes) {
      const error = new TRPCError({ code, message: "no" });
      const status = getHTTPStatusCodeFromError(error);
      const isReleased = status >= 500 || [401, 403, 408, 409, 429, 499].includes(status);
      expect([code, isExpectedByTRPC(error)]).toEqual([code, !isReleased]);
    }
    expect(isExpectedByTRPC(new TRPCError({ code: "OUT_OF_STOCK" as "CONFLICT", message: "no" }))).toBe(
      false,
    );
  });
});

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

/** How often the handler was called for each thing to do. */
const executions = new Map<string, number>();
function executed(what: string): void {
  executions.set(what, (executions.get(what) ?? 0) + 1);
}

/** Sends one request, and gives what a page has in hand afterwards: nothing, an error, or a response. */
type Send = (what: string, key: string) => Promise<unknown>;

const outcomeOfCall = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

let intents = 0;

/**
 * Lets two pages send something that ends as it is told to, one for an intent that may succeed only once. Afterwards the
 * same key is sent again, from elsewhere: that alone knows whether the server has stored or released it.
 */
async function walk(
  send: Send,
  what: string,
): Promise<{ isStored: boolean; moved: boolean; movedOnce: boolean }> {
  const intent = `${what} ${(intents += 1)}`;
  const pages = [false, true].map((once) => {
    const { result, unmount } = renderHook(() => useIdempotencyKey({ intent: `${intent} ${once}`, once }));
    return { ...result.current, unmount };
  });
  const ends = [];
  for (const { key, settle, unmount } of pages) {
    const sent = key();
    executions.set(what, 0);
    settle(sent, await send(what, sent));
    const moved = key() !== sent;
    await send(what, sent);
    ends.push({ moved, isStored: executions.get(what) === 1 });
    unmount();
  }
  const [random, once] = ends;
  expect([what, once?.isStored]).toEqual([what, random?.isStored]);
  return {
    isStored: random?.isStored === true,
    moved: random?.moved === true,
    movedOnce: once?.moved === true,
  };
}

function overHttp(outcome?: (status: number) => ResponseOutcome): Send {
  const handle = withIdempotency(
    {
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      ...(outcome && { outcome: ({ status }) => outcome(status) }),
    },
    async (request: Request) => {
      const what = await request.text();
      executed(what);
      return new Response(null, { status: Number(what) });
    },
  );
  const fetch = idempotentFetch({
    attemptsMax: 1,
    fetch: async (url, init) => handle(new Request(url, init)),
  });
  return async (what, key) =>
    fetch("http://test/", { method: "POST", headers: { ...idempotencyKeyHeader(key) }, body: what });
}

type Storing = (code: unknown) => boolean;

function yogaFetch(storing?: Storing): typeof fetch {
  const yoga = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: "type Query { a: Int } type Mutation { pay(what: String!): Int }",
      resolvers: {
        Mutation: {
          pay(_: unknown, { what }: { what: string }) {
            executed(what);
            const [code, status] = what.split("/");
            if (code === "OK") return 1;
            const http = status === undefined ? {} : { http: { status: Number(status) } };
            throw new GraphQLError("failed as asked", { extensions: { code, ...http } });
          },
        },
      },
    }),
    plugins: [
      useIdempotency({
        idempotency: createIdempotency({ prisma: db.prisma }),
        scope: "global",
        ...(storing && { storeError: ({ extensions }: GraphQLError) => storing(extensions["code"]) }),
      }),
    ],
  });
  return idempotentFetch({ attemptsMax: 1, fetch: async (url, init) => yoga.fetch(new Request(url, init)) });
}

const PAY = "mutation ($what: String!) { pay(what: $what) }";
const url = "http://test/graphql";

const graphqlClients: Record<string, (storing?: Storing) => Send> = {
  "graphql-request": (storing) => {
    const client = new GraphQLClient(url, { fetch: yogaFetch(storing) });
    return async (what, key) =>
      outcomeOfCall(client.request(PAY, { what }, { ...idempotencyKeyHeader(key) }));
  },
  urql: (storing) => {
    const client = new Client({
      url,
      exchanges: [fetchExchange],
      fetch: yogaFetch(storing),
      preferGetMethod: false,
    });
    return async (what, key) => {
      const fetchOptions = { headers: { ...idempotencyKeyHeader(key) } };
      return (await client.mutation(PAY, { what }, { fetchOptions }).toPromise()).error;
    };
  },
  "Apollo Client": (storing) => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: url, fetch: yogaFetch(storing) }),
      cache: new InMemoryCache(),
    });
    const mutation = gql(PAY);
    return async (what, key) => {
      const context = { headers: { ...idempotencyKeyHeader(key) } };
      return outcomeOfCall(client.mutate({ mutation, variables: { what }, context }));
    };
  },
};

function overTrpc(isBatch: boolean, storing?: Storing): Send {
  const idempotent = idempotencyMiddleware({
    idempotency: createIdempotency({ prisma: db.prisma }),
    scope: ({ ctx }: { ctx: Context }) => ctx.user,
    ...(storing && { storeError: ({ code }: TRPCError) => storing(code) }),
  });
  const router = t.router({
    pay: t.procedure
      .input(z.string())
      .use(idempotent)
      .mutation(({ input }) => {
        executed(input);
        if (input !== "OK") throw new TRPCError({ code: input as "CONFLICT", message: "failed as asked" });
        return 1;
      }),
  });
  const link = isBatch ? httpBatchLink : httpLink;
  const client = createTRPCClient<typeof router>({
    links: [
      idempotencyLink(),
      link({
        url: "http://test/trpc",
        headers: idempotencyHeaders,
        fetch: app(router, db.prisma).fetch as never,
      }),
    ],
  });
  const pay = async (what: string, idempotencyKey: string) =>
    outcomeOfCall(client.pay.mutate(what, { context: { idempotencyKey } }));
  if (!isBatch) {
    return pay;
  }
  let others = 0;
  // Beside calls of the other kind: what is told of these must not be taken for this one's.
  return async (what, key) => {
    const [, end] = await Promise.all([
      pay("PAYMENT_REQUIRED", `other ${(others += 1)}`),
      pay(what, key),
      pay("CONFLICT", `other ${(others += 1)}`),
    ]);
    return end;
  };
}

/** Every third is stored, whatever it says. */
const byLength: Storing = (code) => String(code).length % 3 === 0;

const told = (isStored: boolean) => ({ isStored, moved: isStored, movedOnce: isStored });

describe("no answer that the server releases moves a key on, and every stored one does", () => {
  const outcomes = ["commit", "store", "release"] as const;
  it.each([
    ["by default", undefined],
    ["by a custom outcome", (status: number) => outcomes[status % 3] ?? "release"],
  ])("over HTTP, of any status, %s", async (_, outcome) => {
    const send = overHttp(outcome);
    for (const status of walked) {
      const end = await walk(send, String(status));
      expect([status, end]).toEqual([
        status,
        { ...told(end.isStored), movedOnce: end.isStored && status >= 400 },
      ]);
      const intended = outcome ? outcome(status) : outcomeOf({ status, headers: new Headers() });
      expect([status, end.isStored]).toEqual([status, intended !== "release"]);
    }
  });

  it.each(
    Object.entries(graphqlClients).flatMap(([name, client]) => [
      [name, "by default", client, undefined] as const,
      [name, "by a custom storeError", client, byLength] as const,
    ]),
  )("over GraphQL, of any code, with %s, %s", async (_, __, client, storing) => {
    const send = client(storing);
    let storedCount = 0;
    for (const code of graphqlCodes) {
      for (const status of ["", "/402", "/503"]) {
        const what = `${code}${status}`;
        const end = await walk(send, what);
        expect([what, end]).toEqual([what, told(end.isStored)]);
        storedCount += end.isStored ? 1 : 0;
      }
    }
    expect(storedCount).toBeGreaterThan(20);
    expect(storedCount).toBeLessThan(graphqlCodes.length * 3 - 20);
    expect(await walk(send, "OK")).toEqual({ isStored: true, moved: true, movedOnce: false });
  });

  it.each([
    ["alone, by default", false, undefined],
    ["alone, by a custom storeError", false, byLength],
    ["in a batch, by default", true, undefined],
  ])("over tRPC, of any code, %s", async (_, isBatch, storing) => {
    const send = overTrpc(isBatch, storing);
    for (const code of trpcCodes) {
      const end = await walk(send, code);
      const isOther = isBatch && (code === "PAYMENT_REQUIRED" || code === "CONFLICT");
      if (!isOther) expect([code, end]).toEqual([code, told(end.isStored)]);
      const isExpected = storing?.(code) ?? isExpectedByTRPC(new TRPCError({ code, message: "no" }));
      if (!isOther) expect([code, end.isStored]).toEqual([code, isExpected]);
    }
    expect(await walk(send, "OK")).toEqual({ isStored: true, moved: true, movedOnce: false });
  });

  it("nor does an answer from in front of the server", async () => {
    const send: Send = async (_, key) =>
      new Response("gateway", { status: 400, headers: { ...idempotencyKeyHeader(key) } });
    expect(await walk(send, "none")).toEqual({ isStored: false, moved: false, movedOnce: false });
  });
});
