// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "../react/dom.ts";
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { renderHook } from "@testing-library/react";
import { Client, fetchExchange } from "@urql/core";
import { GraphQLError } from "graphql";
import { GraphQLClient } from "graphql-request";
import { createSchema, createYoga } from "graphql-yoga";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { idempotencyKeyHeader, idempotentFetch } from "../../src/client/index.ts";
import { createIdempotency } from "../../src/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { scaled } from "../support/scale.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

/** What was executed, in turn. */
let ran: string[] = [];
beforeEach(() => {
  ran = [];
});

const fails = (name: string, code: string) => () => {
  ran.push(name);
  throw new GraphQLError(`${name} failed`, { extensions: { code } });
};

function yogaFetch(): typeof fetch {
  const yoga = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: `directive @idempotent(key: String!) on FIELD
        type Query { a: Int }
        type Mutation { pay: Int, nothing: Int, declined: Int, required: Int!, later: Int }`,
      resolvers: {
        Mutation: {
          pay: () => ran.push("pay"),
          nothing: () => {
            ran.push("nothing");
          },
          declined: fails("declined", "CARD_DECLINED"),
          required: fails("required", "CARD_DECLINED"),
          later: fails("later", "RATE_LIMITED"),
        },
      },
    }),
    plugins: [useIdempotency({ idempotency: createIdempotency({ prisma: db.prisma }), scope: "global" })],
  });
  return idempotentFetch({ attemptsMax: 1, fetch: async (url, init) => yoga.fetch(new Request(url, init)) });
}

/** Sends the root fields, and gives what a page has in hand afterwards. */
type Send = (document: string, key: string) => Promise<unknown>;

const url = "http://test/graphql";
const thrownBy = async (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const clients: Record<string, () => Send> = {
  urql: () => {
    const client = new Client({
      url,
      exchanges: [fetchExchange],
      fetch: yogaFetch(),
      preferGetMethod: false,
    });
    return async (document, key) => {
      const fetchOptions = { headers: { ...idempotencyKeyHeader(key) } };
      return (await client.mutation(document, { key }, { fetchOptions }).toPromise()).error;
    };
  },
  "graphql-request": () => {
    const client = new GraphQLClient(url, { fetch: yogaFetch() });
    return async (document, key) =>
      thrownBy(client.request(document, { key }, { ...idempotencyKeyHeader(key) }));
  },
  "Apollo Client": () => {
    const client = new ApolloClient({
      link: new HttpLink({ uri: url, fetch: yogaFetch() }),
      cache: new InMemoryCache(),
    });
    return async (document, key) => {
      const context = { headers: { ...idempotencyKeyHeader(key) } };
      return thrownBy(client.mutate({ mutation: gql(document), variables: { key }, context }));
    };
  },
};

/** One document over root fields, each with a record of its own or all with one. */
function documentOf(fields: readonly string[], isEach: boolean): string {
  return isEach
    ? `mutation ($key: String!) { ${fields.map((field) => `${field} @idempotent(key: $key)`).join(" ")} }`
    : `mutation { ${fields.join(" ")} }`;
}

let intents = 0;

// The first shows no data beside an error, the others do.
const tested = Object.entries(clients).slice(0, scaled({ short: 2, long: 3 }));

describe.each(tested)("with %s, a mutation of several root fields", (name, open) => {
  /** Two clicks, the second with the key that the hook has after the first. */
  async function clickTwice(fields: readonly string[], isEach: boolean, once: boolean) {
    const send = open();
    const intent = `${name} ${(intents += 1)}`;
    const { result, unmount } = renderHook(() => useIdempotencyKey({ intent, once }));
    const { key, settle } = result.current;
    const first = key();
    settle(first, await send(documentOf(fields, isEach), first));
    const moved = key() !== first;
    await send(documentOf(fields, isEach), key());
    unmount();
    return { moved, ran };
  }

  it.each([
    // A part of it was made: another key would make it again.
    [["pay", "declined"], true, false, ["pay", "declined"]],
    [["declined", "pay"], true, false, ["declined", "pay"]],
    [["nothing", "declined"], true, false, ["nothing", "declined"]],
    // Its answer is `data: null`, which does not show what was made before.
    [["pay", "required"], true, false, ["pay", "required"]],
    [["pay", "declined"], false, false, ["pay", "declined"]],
    // One part is yet to be made, under this key.
    [["pay", "later"], true, false, ["pay", "later", "later"]],
    [["declined", "later"], true, false, ["declined", "later", "later"]],
    [["required", "pay"], true, false, ["required"]],
    // Refused as a whole.
    [["declined", "required"], true, true, ["declined", "required", "declined", "required"]],
    [["declined", "declined2: declined"], false, true, ["declined", "declined", "declined", "declined"]],
  ])("%j, each with a record: %j, leads to another key: %j", async (fields, isEach, moved, executed) => {
    expect(await clickTwice(fields, isEach, true)).toEqual({ moved, ran: executed });
  });

  it("that was made in part has ended an intent that may recur", async () => {
    expect((await clickTwice(["pay", "declined"], true, false)).moved).toBe(true);
    expect((await clickTwice(["pay", "later"], true, false)).moved).toBe(false);
  });
});

it("tells in the header and in the body that a part of it was made", async () => {
  const document = documentOf(["pay", "declined"], true);
  const send = async () =>
    yogaFetch()(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...idempotencyKeyHeader("told") },
      body: JSON.stringify({ query: document, variables: { key: "told" } }),
    });
  for (const replayed of [false, true]) {
    const answer = await send();
    expect(answer.headers.get("idempotency-outcome")).toBe("stored;partial");
    expect(((await answer.json()) as { extensions: unknown }).extensions).toEqual({
      idempotency: {
        outcome: "stored",
        replayed,
        partial: true,
        fields: { pay: { outcome: "stored", replayed }, declined: { outcome: "stored", replayed } },
      },
    });
  }
});
