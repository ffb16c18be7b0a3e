import { AsyncLocalStorage } from "node:async_hooks";
import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withIdempotency } from "../../src/http/index.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { passedOn } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { app, t } from "../trpc/support.ts";

type Raise = { data: { balance: number }; where?: object };
type Client = Pick<TestClient, "account">;

/** Narrows a model to the rows of tenant "a", without a word to Prisma. */
const narrowed = (client: Client) =>
  ({
    ...client.account,
    updateMany: (args: Raise) =>
      client.account.updateMany({ ...args, where: { ...args.where, id: { startsWith: "a-" } } }),
  }) as unknown as TestClient["account"];

const overModel = (client: Client): TestClient["account"] =>
  new Proxy(client.account, {
    get: (model, name) =>
      name === "updateMany" ? narrowed(client).updateMany : (Reflect.get(model, name) as unknown),
  });

/** A client of one tenant, as a proxy around a client and around those that its `$transaction` hands out. */
function proxied<T extends Client>(client: T, model: (client: Client) => TestClient["account"]): T {
  return new Proxy(client, {
    get(target, name) {
      if (name === "account") return model(target);
      if (name !== "$transaction") return Reflect.get(target, name) as unknown;
      return (work: (tx: Client) => Promise<unknown>, options: object) =>
        (target as unknown as TestClient).$transaction((tx) => work(proxied(tx, model)), options);
    },
  });
}

function assigned(client: TestClient, by: "define" | "set"): TestClient {
  const derived = passedOn(client);
  const value = narrowed(client);
  if (by === "set") Object.assign(derived, { account: value });
  else Object.defineProperty(derived, "account", { value });
  return derived;
}

const sibling = (client: TestClient): TestClient =>
  client.$extends({
    query: {
      account: {
        updateMany: ({ args, query }) => query({ ...args, where: { id: { startsWith: "a-" } } }),
      },
    },
  }) as unknown as TestClient;

/** A client that would lose its filter if it were unwrapped. */
const wrapped: [how: string, wrap: (client: TestClient) => TestClient][] = [
  ["a proxy", (client) => proxied(client, narrowed)],
  ["a proxy around the model", (client) => proxied(client, overModel)],
  ["a proxy over an extended client", (client) => proxied(passedOn(client), narrowed)],
  ["a proxy around the model of an extended client", (client) => proxied(passedOn(client), overModel)],
  ["a proxy over an ambient client", (client) => proxied(withAmbientTransaction(client), narrowed)],
  ["an object that inherits", (client) => Object.create(client, { account: { value: narrowed(client) } })],
  ["an extended client with a model defined on it", (client) => assigned(client, "define")],
  ["an extended client with a model assigned to it", (client) => assigned(client, "set")],
  [
    "a proxy with a model of another extended client",
    (client) => {
      const other = sibling(client).account;
      return new Proxy(passedOn(client), {
        get: (target, name) => (name === "account" ? other : (Reflect.get(target, name) as unknown)),
      });
    },
  ],
  [
    "a proxy that forbids raw SQL",
    (client) =>
      new Proxy(client, {
        get: (target, name) =>
          name === "$executeRawUnsafe"
            ? () => Promise.reject(new Error("forbidden"))
            : (Reflect.get(target, name) as unknown),
      }),
  ],
];

/** Applications derive clients when modules are loaded, before the library knows the client, and for each request. */
const moments = ["before", "after"] as const;

/** A client that replaces nothing: what it is made of joins. */
const passing: [how: string, wrap: (client: TestClient) => TestClient][] = [
  ["made at its first use", (client) => lazily(() => client)],
  ["made at its first use, with bound methods", (client) => lazily(() => client, true)],
  ["a proxy without traps", (client) => new Proxy(client, {})],
  ["an object that inherits", (client) => Object.create(client) as TestClient],
  [
    "a proxy that does not disconnect",
    (client) => Object.create(client, { $disconnect: { value: () => 0 } }),
  ],
];

const lazily = (get: () => TestClient, binds = false): TestClient =>
  new Proxy({} as TestClient, {
    get(_, name) {
      const value: unknown = Reflect.get(get(), name);
      return binds && typeof value === "function" ? value.bind(get()) : value;
    },
  });

const bases: [base: string, baseOf: (client: TestClient) => TestClient][] = [
  ["the client", (client) => client],
  ["one derived from it", sibling],
  ["an ambient client", withAmbientTransaction],
  ["an ambient client of one derived from it", (client) => withAmbientTransaction(sibling(client))],
  ["one derived from an ambient client", (client) => sibling(withAmbientTransaction(client))],
];

const withRows = async (db: TestDatabase) => {
  await db.prisma.account.createMany({ data: ["a-1", "b-1"].map((id) => ({ id, balance: 0 })) });
};

const balances = async (db: TestDatabase) =>
  (await db.query('SELECT balance FROM "Account" ORDER BY id')).map(({ balance }) => Number(balance));

const raise = (client: Client) => client.account.updateMany({ data: { balance: 7 } });

/** What the application does with its client in a handler, by each way that leads there. */
const ways: Record<string, (prisma: TestClient, held: TestClient, key: string) => Promise<string>> = {
  "a run": async (prisma, held, key) => {
    const run = createIdempotency({ prisma }).run(request(key), async ({ join }) => raise(join(held)));
    return run.then(String, String);
  },
  "a call without a key": async (prisma, held) => {
    const run = createIdempotency({ prisma }).runUnkeyed(async ({ join }) => raise(join(held)));
    return run.then(String, String);
  },
  "a step": async (prisma, held, key) => {
    const run = createIdempotency({ prisma }).runLeased(request(`${key} leased`), async ({ transaction }) =>
      transaction("raise", async ({ join }) => raise(join(held))),
    );
    return run.then(String, String);
  },
  "an HTTP handler": async (prisma, held, key) => {
    const handle = withIdempotency(
      { idempotency: createIdempotency({ prisma }), scope: "global" },
      async (_request, { join }) => Response.json(await raise(join(held))),
    );
    const posted = new Request("http://test/", { method: "POST", headers: { "idempotency-key": key } });
    return handle(posted).then((response) => response.text(), String);
  },
  "a tRPC procedure": async (prisma, held, key) => {
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma }),
      scope: "global",
      provide: "prisma",
    });
    const procedure = t.procedure.use(idempotent).mutation(async ({ ctx }) => raise(ctx.prisma));
    const { body } = await app(t.router({ raise: procedure }), held).send("raise", { key });
    return body;
  },
  "a resolver": async (prisma, held, key) => {
    const thrown: unknown[] = [];
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: "type Query { a: Int } type Mutation { raise: Int }",
        resolvers: {
          Mutation: {
            raise: async (_: unknown, __: unknown, { db }: { db: TestClient }) => (await raise(db)).count,
          },
        },
      }),
      context: () => ({ db: held }),
      plugins: [
        useIdempotency({ idempotency: createIdempotency({ prisma }), scope: "global", provide: "db" }),
      ],
      maskedErrors: false,
      logging: { debug() {}, info() {}, warn() {}, error: (error: unknown) => thrown.push(error) },
    });
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": key },
      body: JSON.stringify({ query: "mutation { raise }" }),
    });
    return `${await response.text()} ${thrown.map(String).join()}`;
  },
};

const PROVIDED = new Set(["a tRPC procedure", "a resolver"]);

/** Names the option, what was found, and the remedy. */
const refusal = (way: string, how: string): RegExp => {
  const option = PROVIDED.has(way) ? "provide" : "the argument of join";
  const found = how.includes("raw SQL") ? "\\$executeRawUnsafe are" : "account";
  return new RegExp(`${option}.*in which .*${found}.*\\$extends`);
};

describe.each(databases)("a wrapper around a client, on $name,", ({ open }) => {
  it.each(wrapped)("is refused wherever it would lose what it does: %s", async (how, wrap) => {
    await using db = await open();
    await withRows(db);
    for (const moment of moments) {
      const held = wrap(db.prisma);
      for (const [way, send] of Object.entries(ways)) {
        const said = await send(db.prisma, held, moment);
        expect({ way, said }).toEqual({ way, said: expect.stringMatching(refusal(way, how)) });
        expect({ way, balances: await balances(db) }).toEqual({ way, balances: [0, 0] });
      }
    }
  });

  it.each(wrapped.filter(([how]) => how.includes("extended")))(
    "is refused by createIdempotency and withAmbientTransaction, whose clients would lose it: %s",
    async (_how, wrap) => {
      await using db = await open();
      const held = wrap(db.prisma);
      expect(() => createIdempotency({ prisma: held })).toThrow("option prisma is a client in which");
      expect(() => withAmbientTransaction(held)).toThrow("(the first argument) is a client in which");
    },
  );

  it("keeps what it does where the runs were given it, and nowhere else", async () => {
    await using db = await open();
    await withRows(db);
    const held = proxied(db.prisma, narrowed);
    const idempotency = createIdempotency({ prisma: held });
    const ambient = withAmbientTransaction(held);
    await idempotency.run(request("k"), async ({ tx, join }) => {
      await raise(tx);
      await raise(join(held));
      await raise(ambient);
      await tx.$transaction(async (inner) => raise(inner));
      return 1;
    });
    expect(await balances(db)).toEqual([7, 0]);
    const others = createIdempotency({ prisma: db.prisma }).run(request("l"), async () => raise(ambient));
    await expect(others).rejects.toThrow(
      "(the first argument) is a client in which $transaction, account are",
    );
    expect(await balances(db)).toEqual([7, 0]);
  });

  it("is refused where its $transaction hands out clients without what it does", async () => {
    await using db = await open();
    await withRows(db);
    const { prisma } = db;
    const transact = (work: never, options: never) => prisma.$transaction(work, options);
    const held = Object.create(prisma, {
      account: { value: narrowed(prisma) },
      $transaction: { value: transact },
    }) as TestClient;
    const idempotency = createIdempotency({ prisma: held });
    const joining = idempotency.run(request("k"), async ({ join }) => raise(join(held)));
    await expect(joining).rejects.toThrow("(the argument of join) is a client in which");
    const ambient = withAmbientTransaction(held);
    await expect(idempotency.run(request("k"), async () => raise(ambient))).rejects.toThrow(TypeError);
    expect(await balances(db)).toEqual([0, 0]);
  });

  describe.each(bases)("%s,", (base, baseOf) => {
    it.each(passing)("joins if it replaces nothing: %s", async (_how, wrap) => {
      await using db = await open();
      await withRows(db);
      for (const moment of moments) {
        const held = wrap(baseOf(db.prisma));
        for (const [way, send] of Object.entries(ways)) {
          await db.prisma.account.updateMany({ data: { balance: 0 } });
          const said = await send(db.prisma, held, moment);
          const raised = base.includes("derived") ? [7, 0] : [7, 7];
          expect({ way, said, raised: await balances(db) }).toMatchObject({ way, raised });
        }
      }
    });
  });

  it.each(["before", "after"])(
    "is looked at in each call, as it may replace a model for some requests only: over a client derived %s",
    async (moment) => {
      await using db = await open();
      await withRows(db);
      const tenants = new AsyncLocalStorage<string>();
      const early = passedOn(db.prisma);
      const idempotency = createIdempotency({ prisma: db.prisma });
      const base = moment === "before" ? early : passedOn(db.prisma);
      const sometimes = new Proxy(base, {
        get: (target, name) =>
          name === "account" && tenants.getStore() !== undefined
            ? narrowed(target)
            : (Reflect.get(target, name) as unknown),
      });
      const run = (key: string) => idempotency.run(request(key), async ({ join }) => raise(join(sometimes)));
      await run("for all");
      await db.prisma.account.updateMany({ data: { balance: 0 } });
      await expect(tenants.run("a", async () => run("for one"))).rejects.toThrow("in which account");
      await run("for all again");
      expect(await balances(db)).toEqual([7, 7]);
    },
  );

  it("joins if its extension replaces methods of models, which are not called for that", async () => {
    await using db = await open();
    await withRows(db);
    const called: string[] = [];
    const names = ["findMany", "count", "deleteMany", "createMany"];
    const methods = Object.fromEntries(names.map((name) => [name, () => called.push(name)]));
    const early = sibling(db.prisma).$extends({ model: { $allModels: methods } }) as unknown as TestClient;
    const idempotency = createIdempotency({ prisma: db.prisma });
    await idempotency.run(request("k"), async ({ join }) => raise(join(early)));
    expect([await balances(db), called]).toEqual([[7, 0], []]);
  });

  it("finds at each call the client of its tenant, if it chooses one by the request", async () => {
    await using db = await open();
    await withRows(db);
    const { prisma } = db;
    const tenants = new AsyncLocalStorage<string>();
    const byTenant = new Map(
      ["a", "b"].map((tenant) => [
        tenant,
        prisma.$extends({
          query: {
            account: {
              updateMany: ({ args, query }) =>
                query({ ...args, where: { id: { startsWith: `${tenant}-` } } }),
            },
          },
        }),
      ]),
    );
    const chosen = lazily(() => byTenant.get(tenants.getStore() ?? "a") as unknown as TestClient);
    const ambient = withAmbientTransaction(chosen);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    for (const [n, tenant] of ["a", "b"].entries()) {
      await tenants.run(tenant, async () => {
        await idempotency.run(request(`j${n}`), async ({ join }) =>
          join(chosen).account.updateMany({ data: { balance: n + 1 } }),
        );
      });
    }
    expect(await balances(db)).toEqual([1, 2]);
    for (const [n, tenant] of ["a", "b"].entries()) {
      await tenants.run(tenant, async () => {
        await idempotency.run(request(`a${n}`), async () =>
          ambient.account.updateMany({ data: { balance: n + 3 } }),
        );
      });
    }
    expect(await balances(db)).toEqual([3, 4]);
  });
});
