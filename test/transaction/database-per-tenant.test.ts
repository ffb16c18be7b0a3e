import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { withIdempotency } from "../../src/http/index.ts";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware, trpcCompleter } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { account } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { app, t } from "../trpc/support.ts";

/** One database and one `Idempotency` for each tenant, as an application keeps them. */
async function tenants(open: () => Promise<TestDatabase>) {
  const [a, b] = [await open(), await open()];
  const of = ({ prisma }: TestDatabase) => ({
    prisma,
    idempotency: createIdempotency({ prisma, storeInput: true }),
  });
  const byName: Record<string, ReturnType<typeof of>> = { a: of(a), b: of(b) };
  return {
    tenant: (name: string | null) => byName[name ?? ""] as ReturnType<typeof of>,
    accounts: async () => {
      const rows = await Promise.all([a, b].map(({ query }) => query('SELECT id FROM "Account"')));
      return rows.map((all) => all.map(({ id }) => id));
    },
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

/** The same key twice for each tenant: what is in the databases, and whether the second answers were the first ones. */
async function twiceForEach(
  { accounts }: Pick<Awaited<ReturnType<typeof tenants>>, "accounts">,
  open: (tenant: string) => Promise<string>,
) {
  const answers = [];
  for (const tenant of ["a", "b", "a", "b"]) answers.push(await open(tenant));
  const [ofA, ofB, ...again] = answers;
  return { accounts: await accounts(), isReplayed: again[0] === ofA && again[1] === ofB };
}

const ONCE_FOR_EACH = { accounts: [["account of a"], ["account of b"]], isReplayed: true };

const post = (tenant: string, body: object = {}) => ({
  method: "POST",
  headers: { "content-type": "application/json", "idempotency-key": '"k"', "x-tenant": tenant },
  body: JSON.stringify(body),
});

describe.each(databases)("one database for each tenant, on $name,", ({ open }) => {
  it("is chosen by the context of a tRPC call", async () => {
    await using all = await tenants(open);
    const { tenant } = all;
    const idempotent = idempotencyMiddleware({
      idempotency: async ({ ctx }: { ctx: { user: string } }) => tenant(ctx.user).idempotency,
      scope: "global",
    });
    const create = t.procedure
      .use(idempotent)
      .mutation(({ ctx }) => ctx.tx.account.create(account(`account of ${ctx.user}`)));
    const { send } = app(t.router({ create }), tenant("a").prisma);
    const ends = twiceForEach(all, async (user) => (await send("create", { key: "k", user })).body);
    expect(await ends).toEqual(ONCE_FOR_EACH);
  });

  it("is chosen by the context of a mutation", async () => {
    await using all = await tenants(open);
    const { tenant } = all;
    interface Context {
      request: Request;
      prisma: TestClient;
    }
    const nameIn = ({ request }: Pick<Context, "request">) => request.headers.get("x-tenant");
    const yoga = createYoga({
      schema: createSchema<Context>({
        typeDefs: "type Query { a: Int } type Mutation { open(id: String!): String }",
        resolvers: {
          Mutation: {
            open: async (_: unknown, { id }: { id: string }, { prisma }: Context) =>
              (await prisma.account.create(account(id))).id,
          },
        },
      }),
      plugins: [
        useIdempotency<Context>({
          idempotency: (context) => tenant(nameIn(context)).idempotency,
          scope: "global",
          provide: "prisma",
        }),
      ],
      context: (initial) => ({ prisma: tenant(nameIn(initial)).prisma }),
    });
    const ends = twiceForEach(all, async (name) => {
      const query = `mutation { open(id: "account of ${name}") }`;
      const answer = await yoga.fetch("http://test/graphql", post(name, { query }));
      return JSON.stringify(((await answer.json()) as { data: unknown }).data);
    });
    expect(await ends).toEqual(ONCE_FOR_EACH);
  });

  it("is chosen by an HTTP request", async () => {
    await using all = await tenants(open);
    const { tenant } = all;
    const nameIn = (request: Request) => request.headers.get("x-tenant") ?? "";
    const handle = withIdempotency(
      { idempotency: (request: Request) => tenant(nameIn(request)).idempotency, scope: "global" },
      async (request, { tx }) =>
        Response.json(await tx.account.create(account(`account of ${nameIn(request)}`))),
    );
    const ends = twiceForEach(all, async (name) =>
      (await handle(new Request("http://test/accounts", post(name)))).text(),
    );
    expect(await ends).toEqual(ONCE_FOR_EACH);
  });

  it("has a completer of its own, whose runs stay in it whatever the context says", async () => {
    await using all = await tenants(open);
    const { tenant, accounts } = all;
    let isDown = true;
    const idempotent = idempotencyMiddleware({
      mode: "lease",
      idempotency: ({ ctx }: { ctx: { user: string } }) => tenant(ctx.user).idempotency,
      scope: "global",
    });
    const create = t.procedure.use(idempotent).mutation(async ({ ctx }) => {
      const { transaction } = ctx.idempotency;
      if (isDown) throw new Error("the bank is down");
      return transaction("open", async ({ tx }) => (await tx.account.create(account("resumed"))).id);
    });
    const router = t.router({ create });
    const { send } = app(router, tenant("a").prisma);
    expect((await send("create", { key: "k", user: "b" })).status).toBe(500);
    isDown = false;
    const completerOf = (name: string) =>
      trpcCompleter({
        idempotency: tenant(name).idempotency,
        router,
        createContext: () => ({ user: "a", prisma: tenant("a").prisma }),
      });
    await tenant("b").prisma.idempotencyRecord.updateMany({ data: { lockedUntil: new Date(0) } });
    expect(await completerOf("a").runOnce()).toBe(0);
    expect(await completerOf("b").runOnce()).toBe(1);
    expect(await accounts()).toEqual([[], ["resumed"]]);
    expect((await send("create", { key: "k", user: "b" })).body).toContain("resumed");
  });
});

it("is an error at the call, if the function gives something else", async () => {
  const [first] = databases;
  await using db = await (first as (typeof databases)[number]).open();
  const { prisma } = db;
  const handle = withIdempotency(
    { idempotency: (() => prisma) as never, scope: "global" },
    () => new Response("made"),
  );
  await expect(handle(new Request("http://test/", post("a")))).rejects.toThrow(
    "option idempotency is a Prisma client; give a function that returns what createIdempotency returned.",
  );
  expect(() =>
    withIdempotency(
      { idempotency: () => undefined as never, scope: "global", retentionMs: -1 },
      () => new Response(),
    ),
  ).toThrow("retentionMs");
});
