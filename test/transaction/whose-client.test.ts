import type { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { Undo, undo } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { app, t } from "../trpc/support.ts";

/** The client of one tenant: as documented everywhere, an extension that narrows each query to the tenant's rows. */
function tenantClient(client: TestClient, tenant: string): TestClient {
  return client.$extends({
    query: {
      account: {
        $allOperations({ args, query }) {
          const { where } = args as { where?: object };
          return query({ ...args, where: { ...where, id: { startsWith: `${tenant}-` } } } as never);
        },
      },
    },
    model: { account: { tenant: () => tenant } },
  }) as unknown as TestClient;
}

const withRows = async (db: TestDatabase) => {
  await db.prisma.account.createMany({ data: ["a-1", "a-2", "b-1"].map((id) => ({ id, balance: 0 })) });
};

const balances = async (db: TestDatabase) => {
  const rows = await db.query('SELECT id, balance FROM "Account" ORDER BY id');
  return rows.map(({ id, balance }) => `${String(id)}: ${Number(balance)}`);
};

const FILTERED = ["a-1: 7", "a-2: 7", "b-1: 0"];
const UNTOUCHED = ["a-1: 0", "a-2: 0", "b-1: 0"];

/** What the application has, and what it derives from that for each request. */
const derived: [how: string, (client: TestClient) => TestClient][] = [
  ["derived from the client", (client) => tenantClient(client, "a")],
  ["derived from an ambient client", (client) => tenantClient(withAmbientTransaction(client), "a")],
  ["made ambient after it was derived", (client) => withAmbientTransaction(tenantClient(client, "a"))],
];

describe.each(databases)("the client that an application derives for a request, on $name,", ({ open }) => {
  describe.each(derived)("%s,", (_how, deriveFrom) => {
    it("keeps its extensions in the transaction of a run", async () => {
      await using db = await open();
      await withRows(db);
      const { prisma } = db;
      const idempotency = createIdempotency({ prisma, guard: "throw" });
      const raise = (join: <T>(client: T) => T) => {
        const client = join(deriveFrom(prisma));
        return client.account.updateMany({ data: { balance: 7 } });
      };
      const undone = idempotency.run(request("k"), async ({ join }) => {
        await raise(join);
        return undo();
      });
      await expect(undone).rejects.toBeInstanceOf(Undo);
      expect(await balances(db)).toEqual(UNTOUCHED);
      const { value } = await idempotency.run(request("k"), async ({ join }) => raise(join));
      expect(value.count).toBe(2);
      expect(await balances(db)).toEqual(FILTERED);
    });

    it("keeps them in a step, and in a call without a key", async () => {
      await using db = await open();
      await withRows(db);
      const { prisma } = db;
      const idempotency = createIdempotency({ prisma, guard: "throw" });
      await idempotency.runLeased(request("k"), async ({ transaction }) =>
        transaction("raise", async ({ join }) => {
          await join(deriveFrom(prisma)).account.updateMany({ data: { balance: 7 } });
        }),
      );
      expect(await balances(db)).toEqual(FILTERED);
      await idempotency.runUnkeyed(async ({ join }) =>
        join(deriveFrom(prisma)).account.updateMany({ data: { balance: 0 } }),
      );
      expect(await balances(db)).toEqual(UNTOUCHED);
    });

    it("is what a tRPC procedure finds under provide, with its extensions", async () => {
      await using db = await open();
      await withRows(db);
      const idempotent = idempotencyMiddleware({
        idempotency: createIdempotency({ prisma: db.prisma, guard: "throw" }),
        scope: "global",
        provide: "prisma",
      });
      const raise = t.procedure
        .use(({ ctx, next }) => next({ ctx: { prisma: deriveFrom(ctx.prisma) } }))
        .use(idempotent)
        .mutation(async ({ ctx }) => {
          const { count } = await ctx.prisma.account.updateMany({ data: { balance: 7 } });
          const { account } = ctx.prisma as unknown as { account: { tenant(): string } };
          return { count, tenant: account.tenant() };
        });
      const { send } = app(t.router({ raise }), db.prisma);
      const { body } = await send("raise", { key: "k" });
      expect(JSON.parse(body)).toEqual({ result: { data: { count: 2, tenant: "a" } } });
      expect(await balances(db)).toEqual(FILTERED);
    });

    it("is what a resolver finds under provide, and afterwards in the context again", async () => {
      await using db = await open();
      await withRows(db);
      const context = { prisma: deriveFrom(db.prisma) };
      const before = context.prisma;
      const { post } = graphql(db.prisma, "prisma", context);
      expect(await post("mutation { raise }", "k")).toMatchObject({ data: { raise: 2 } });
      expect(await balances(db)).toEqual(FILTERED);
      expect(context.prisma).toBe(before);
    });
  });

  it("is refused, before anything is written, if it has connections of its own", async () => {
    await using db = await open();
    await withRows(db);
    const other = tenantClient(await db.connect(), "a");
    const { post, failures } = graphql(db.prisma, "prisma", { prisma: other });
    expect(await post("mutation { raise }", "k")).toMatchObject({
      errors: [{ message: "Unexpected error." }],
    });
    expect(failures()).toEqual([
      expect.stringContaining("of another PrismaClient than the one given to createIdempotency"),
    ]);
    expect(await balances(db)).toEqual(UNTOUCHED);
  });

  it("is refused if it is no client, or one of its transactions", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma });
    const joining = (client: unknown) => idempotency.run(request("k"), async ({ join }) => join(client) && 1);
    await expect(joining({})).rejects.toThrow("not one of its transactions");
    const tx = await db.prisma.$transaction(async (transaction) => ({ transaction }));
    await expect(joining(tx.transaction)).rejects.toThrow("not one of its transactions");
  });
});

/** A server whose one mutation raises all balances that its client shows. */
function graphql(prisma: TestClient, provide: string, context: object) {
  const thrown: unknown[] = [];
  const yoga = createYoga({
    schema: createSchema({
      typeDefs: "type Query { a: Int } type Mutation { raise: Int }",
      resolvers: {
        Mutation: {
          raise: async (_: unknown, __: unknown, { prisma: client }: { prisma: TestClient }) =>
            (await client.account.updateMany({ data: { balance: 7 } })).count,
        },
      },
    }),
    plugins: [
      useIdempotency({
        idempotency: createIdempotency({ prisma, guard: "throw" }),
        scope: "global",
        provide,
      }),
    ],
    context: () => context,
    logging: { debug() {}, info() {}, warn() {}, error: (error: unknown) => thrown.push(error) },
  });
  const post = async (query: string, key: string): Promise<unknown> => {
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": `"${key}"` },
      body: JSON.stringify({ query }),
    });
    return response.json();
  };
  const messageOf = (error: unknown) => (error as GraphQLError).originalError?.message ?? String(error);
  return { post, failures: () => [...new Set(thrown.map(messageOf))] };
}

describe("a name under which the context holds nothing", () => {
  const [sqlite] = databases;

  it("is an error at the first call over tRPC, which says which name was probably meant", async () => {
    await using db = await sqlite!.open();
    await withRows(db);
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      provide: "prsima" as "tx",
    });
    const raise = t.procedure
      .use(idempotent)
      .mutation(async ({ ctx }) => ctx.prisma.account.updateMany({ data: { balance: 7 } }));
    const { send } = app(t.router({ raise }), db.prisma);
    const { status, body } = await send("raise", { key: "k" });
    expect(status).toBe(500);
    expect(body).toContain('option provide is \\"prsima\\"');
    expect(body).toContain('did you mean \\"prisma\\"?');
    expect(await balances(db)).toEqual(UNTOUCHED);
  });

  it.each([
    ["no client", { id: "ada" }, "is of type object (with id); give your generated PrismaClient"],
    ["undefined", undefined, "holds no client under that name; name the property"],
  ])("or something else than a client: %s", async (_what, held, message) => {
    await using db = await sqlite!.open();
    const { post, failures } = graphql(db.prisma, "user", { prisma: db.prisma, user: held });
    await post("mutation { raise }", "k");
    expect(failures()).toEqual([expect.stringContaining(message)]);
    expect(failures()).toEqual([expect.stringContaining("option provide")]);
  });

  it("is one in a mutation", async () => {
    await using db = await sqlite!.open();
    await withRows(db);
    const { post, failures } = graphql(db.prisma, "prsima", { prisma: db.prisma });
    expect(await post("mutation { raise }", "k")).toMatchObject({
      errors: [{ message: "Unexpected error." }],
    });
    expect(failures()).toEqual([expect.stringContaining('did you mean "prisma"?')]);
    expect(await balances(db)).toEqual(UNTOUCHED);
  });
});
