// @vitest-environment happy-dom
import { renderHook } from "@testing-library/react";
import { createTRPCClient, httpLink } from "@trpc/client";
import { GraphQLClient } from "graphql-request";
import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { idempotencyKeyHeader } from "../../src/client/index.ts";
import { createIdempotency } from "../../src/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { idempotencyHeaders } from "../../src/trpc/client/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import type { TestClient } from "../support/clients.ts";
import { openSqlite } from "../support/database.ts";
import { app, idempotentOn, t } from "../trpc/support.ts";

let executions = 0;
function executed(amount: number): number {
  executions += 1;
  return amount;
}

type Pay = (key: string, amount: number) => Promise<unknown>;

function overTrpc(prisma: TestClient): Pay {
  const router = t.router({
    pay: t.procedure
      .input(z.int())
      .use(idempotentOn(prisma))
      .mutation(({ input }) => executed(input)),
  });
  const link = httpLink({
    url: "http://test/trpc",
    headers: idempotencyHeaders,
    fetch: app(router, prisma).fetch as never,
  });
  const client = createTRPCClient<typeof router>({ links: [link] });
  return (idempotencyKey, amount) => client.pay.mutate(amount, { context: { idempotencyKey } });
}

function overGraphql(prisma: TestClient): Pay {
  const yoga = createYoga({
    schema: createSchema({
      typeDefs: "type Query { a: Int } type Mutation { pay(amount: Int!): Int! }",
      resolvers: { Mutation: { pay: (_, { amount }: { amount: number }) => executed(amount) } },
    }),
    plugins: [useIdempotency({ idempotency: createIdempotency({ prisma }), scope: "global" })],
  });
  const client = new GraphQLClient("http://test/graphql", { fetch: yoga.fetch as typeof fetch });
  const document = "mutation ($amount: Int!) { pay(amount: $amount) }";
  return (key, amount) => client.request(document, { amount }, idempotencyKeyHeader(key));
}

describe.each([
  ["tRPC", overTrpc],
  ["GraphQL", overGraphql],
])("the key of an intent that succeeds once, over %s", (_protocol, over) => {
  it("stays when it was used with another input, as the intent has succeeded with that", async () => {
    await using database = await openSqlite();
    const pay = over(database.prisma);
    const { result } = renderHook(() => useIdempotencyKey({ intent: "cart-1", once: true }));
    const key = result.current.key();
    await pay(key, 1);

    const refused: unknown = await pay(key, 2).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    result.current.settle(key, refused);
    expect(result.current.key()).toBe(key);
  });

  it("stays after a refusal that is not stored, so that no other tab executes what this one has", async () => {
    await using database = await openSqlite();
    const pay = over(database.prisma);
    const tab = () => renderHook(() => useIdempotencyKey({ intent: "cart-1", once: true })).result.current;
    const one = tab();
    executions = 0;
    // No amount at all: refused before the handler is asked.
    const refused: unknown = await pay(one.key(), "none" as never).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Error);
    one.settle(one.key(), refused);
    await pay(one.key(), 1);
    one.settle(one.key());

    await pay(tab().key(), 1);
    expect(executions).toBe(1);
  });
});
