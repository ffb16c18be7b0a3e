import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { joinedClient } from "../../src/prisma/handler/joined-client.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { account, accountIds, Undo, undo } from "./support.ts";

type Listen = (event: "query", listener: (event: { query: string }) => void) => unknown;

/** An application's extensions of every kind. `seen` gets what its query extension came by. */
const extended = (client: TestClient, seen: string[] = []) =>
  client.$extends({
    model: {
      account: {
        async open(id: string) {
          return (this as unknown as TestClient["account"]).create(account(id));
        },
      },
    },
    result: {
      account: { isRich: { needs: { balance: true }, compute: ({ balance }) => balance > 100 } },
    },
    query: {
      account: {
        async create({ args, query }) {
          seen.push(args.data.id);
          return query({ ...args, data: { ...args.data, balance: 101 } });
        },
      },
    },
    client: {
      async openTwo(first: string, second: string) {
        const self = this as unknown as TestClient;
        return self.$transaction([self.account.create(account(first)), self.account.create(account(second))]);
      },
    },
  });

/** Sends the reads outside of transactions to another client, as Prisma's extension for read replicas does. */
const withReplica = (client: TestClient, replica: TestClient): TestClient =>
  client.$extends({
    query: {
      account: {
        findUniqueOrThrow(params) {
          const { transaction } = (params as unknown as { __internalParams: { transaction?: unknown } })
            .__internalParams;
          return transaction === undefined
            ? replica.account.findUniqueOrThrow(params.args)
            : params.query(params.args);
        },
      },
    },
  }) as unknown as TestClient;

const BEFORE = (client: TestClient, seen: string[]) => withAmbientTransaction(extended(client, seen));
const AFTER = (client: TestClient, seen: string[]) => extended(withAmbientTransaction(client), seen);

describe.each(databases)("extensions of the application on $name", ({ open }) => {
  it.each([
    ["made before the ambient client", BEFORE],
    ["made after it, and known to the runs", AFTER],
  ])("%s work inside a handler as outside", async (_, extend) => {
    await using database = await open();
    const seen: string[] = [];
    const prisma = extend(database.prisma, seen);
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const use = async (name: string) => {
      await prisma.account.open(`${name} model`);
      await prisma.account.create(account(`${name} query`));
      await prisma.openTwo(`${name} client 1`, `${name} client 2`);
      const row = await prisma.account.findUniqueOrThrow({
        where: { id: `${name} query` },
        select: { isRich: true },
      });
      return row.isRich;
    };
    expect(await use("outside")).toBe(true);
    const undone = idempotency.run(request("k"), async () => {
      expect(await use("undone")).toBe(true);
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect((await idempotency.run(request("k"), async () => use("inside"))).value).toBe(true);
    const rows = await database.query('SELECT id, balance FROM "Account" ORDER BY id');
    const names = ["client 1", "client 2", "model", "query"];
    expect(rows.map(({ id }) => id)).toEqual([
      ...names.map((name) => `inside ${name}`),
      ...names.map((name) => `outside ${name}`),
    ]);
    expect(rows.every(({ balance }) => Number(balance) === 101)).toBe(true);
    expect(seen).toHaveLength(12);
  });

  it("made after it join also where the runs know another client of the same kind", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    const other = extended(prisma);
    const stranger = database.prisma.$extends({ name: "of the runs" });
    for (const known of [prisma, database.prisma, other, stranger]) {
      const idempotency = createIdempotency({ prisma: known as TestClient, guard: "throw" });
      const undone = idempotency.run(request("k"), async ({ tx }) => {
        await other.account.open("a");
        await prisma.account.create(account("b"));
        expect(await tx.account.findMany({ orderBy: { id: "asc" } })).toMatchObject([
          { id: "a", balance: 101 },
          { id: "b", balance: 1 },
        ]);
        return undo();
      });
      await expect(undone).rejects.toBeInstanceOf(Undo);
    }
    expect(await accountIds(database)).toEqual([]);
  });

  it("that wrap each query in a batch, as for row-level security, keep it in the handler's transaction", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma).$extends((client) =>
      client.$extends({
        query: {
          $allModels: {
            async $allOperations({ args, query }) {
              const [, result] = await client.$transaction([client.$executeRaw`SELECT 1`, query(args)]);
              return result;
            },
          },
        },
      }),
    );
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    await prisma.account.create(account("outside"));
    const work = async () => {
      await prisma.account.create(account("a"));
      // Each of them sends its statement while the others wait for their turn.
      await Promise.all(["b", "c", "d"].map((id) => prisma.account.create(account(id))));
      return prisma.account.count();
    };
    const undone = idempotency.run(request("k"), async () => {
      expect(await work()).toBe(5);
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect((await idempotency.run(request("k"), work)).value).toBe(5);
    expect(await accountIds(database)).toEqual(["a", "b", "c", "d", "outside"]);
  });

  it.each<[string, (client: TestClient, replica: TestClient) => TestClient]>([
    ["under", (client, replica) => withAmbientTransaction(withReplica(client, replica))],
    ["on", (client, replica) => withReplica(withAmbientTransaction(client), replica)],
  ])(
    "for read replicas %s the ambient client leave a handler's reads to its transaction",
    async (_, build) => {
      await using database = await open();
      const prisma = build(database.prisma, await database.connect());
      const idempotency = createIdempotency({ prisma, guard: "throw" });
      await prisma.account.create(account("a", 100));
      const { value } = await idempotency.run(request("k"), async ({ tx }) => {
        await prisma.account.update({ where: { id: "a" }, data: { balance: 40 } });
        const read = await Promise.all(
          [prisma, tx].map((c) => c.account.findUniqueOrThrow({ where: { id: "a" } })),
        );
        return read.map(({ balance }) => balance);
      });
      expect(value).toEqual([40, 40]);
    },
  );

  it("leave the client's own events and description reachable", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(await database.connect({ log: () => {} }));
    const queries: string[] = [];
    const listening = (prisma as unknown as { $on: Listen }).$on("query", ({ query }) => queries.push(query));
    await prisma.account.count();
    expect(queries.join()).toMatch(/count/i);
    expect(listening).toBe(prisma);
    expect("account" in prisma && "$transaction" in prisma && !("other" in prisma)).toBe(true);
  });
});

describe.runIf(onPostgres)("an extension that wraps each query in a batch", () => {
  it("stays whole under the ambient client, outside of the handler's transaction", async () => {
    await using database = await openPostgres();
    const base = database.prisma;
    const prisma = withAmbientTransaction(
      base.$extends({
        query: {
          async $allOperations({ args, query }) {
            const [, result] = await base.$transaction([
              base.$executeRaw`SELECT set_config('app.tenant', 'ada', TRUE)`,
              query(args),
            ]);
            return result;
          },
        },
      }) as unknown as TestClient,
    );
    const idempotency = createIdempotency({ prisma, guard: "off" });
    const { value } = await idempotency.run(
      request("k"),
      async () => prisma.$queryRaw`SELECT current_setting('app.tenant', TRUE) AS tenant`,
    );
    expect(value).toEqual([{ tenant: "ada" }]);
  });
});

it("a Prisma that gives extensions no internal parameters is told by our message", () => {
  let extension: { query: { $allOperations(call: object): unknown } } | undefined;
  const later = { $extends: (given: typeof extension) => (extension = given) } as never;
  joinedClient(later, {});
  const call = () => extension?.query.$allOperations({ args: {}, query: () => Promise.resolve() });
  expect(call).toThrow("onceonly: this version of Prisma does not tell a query extension which transaction");
});
