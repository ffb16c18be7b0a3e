import { createSchema, createYoga } from "graphql-yoga";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import { account, accountIds, passedOn } from "../ambient/support.ts";
import { adapterFor, type TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import type { PrismaClient } from "../support/generated/postgresql/client.ts";
import { request } from "../support/runs.ts";

const RAW = ["$executeRaw", "$executeRawUnsafe", "$queryRaw", "$queryRawUnsafe"] as const;
const forbid = (): never => {
  throw new Error("raw SQL is forbidden here");
};

/** An application's class that lets nobody send raw SQL. */
function strictClient(db: TestDatabase): TestClient & AsyncDisposable {
  const Base = db.prisma.constructor as typeof PrismaClient;
  class Strict extends Base {}
  for (const name of RAW) Object.defineProperty(Strict.prototype, name, { value: forbid });
  const strict = new Strict({ adapter: adapterFor(db), transactionOptions: { maxWait: 60_000 } });
  return Object.assign(strict, { [Symbol.asyncDispose]: async () => strict.$disconnect() });
}

/** The same as a wrapper around a client and around the clients of its transactions. */
const strictly = <T extends object>(client: T): T =>
  new Proxy(client, {
    get(target, name) {
      if (RAW.some((raw) => raw === name)) return forbid;
      if (name !== "$transaction") return Reflect.get(target, name) as unknown;
      const { $transaction: transact } = target as unknown as TestClient;
      return (work: (tx: object) => Promise<unknown>, options: object) =>
        transact.call(target, (tx) => work(strictly(tx)), options);
    },
  });

const kinds: [kind: string, clientOf: (strict: TestClient, plain: TestClient) => TestClient][] = [
  ["a class of its own", (strict) => strict],
  ["a class of its own, ambient", (strict) => withAmbientTransaction(strict)],
  ["a client derived from its own class", (strict) => passedOn(strict)],
  ["a wrapper", (_, plain) => strictly(plain)],
];

describe.each(databases)("an application that forbids raw SQL to itself, on $name,", ({ open }) => {
  it.each(kinds)(
    "by %s: has nested transactions, steps, stored errors and replays",
    async (_kind, clientOf) => {
      await using db = await open();
      await using strict = strictClient(db);
      const prisma = clientOf(strict, db.prisma);
      const idempotency = createIdempotency({ prisma, guard: "off", storeError: () => true });
      const nested = async ({ tx }: { tx: object }) => {
        const client = tx as TestClient;
        expect(() => client.$executeRawUnsafe("SELECT 1")).toThrow("forbidden");
        await client.$transaction([client.account.create(account("a"))]);
        const failed = client.$transaction(async (inner) => {
          await inner.account.create(account("b"));
          throw new Error("undone");
        });
        await expect(failed).rejects.toThrow("undone");
        return 1;
      };
      const replayed = [1, 2].map(() => async () => (await idempotency.run(request("k"), nested)).replayed);
      expect([await replayed[0]!(), await replayed[1]!()]).toEqual([false, true]);
      const failing = idempotency.run(request("e"), async ({ tx }) => {
        await tx.account.create(account("c"));
        throw new Error("an answer");
      });
      await expect(failing).rejects.toThrow("an answer");
      const leased = await idempotency.runLeased(request("l"), async ({ transaction }) =>
        transaction("step", async ({ tx }) => {
          await tx.$transaction([tx.account.create(account("d"))]);
          return 1;
        }),
      );
      expect(leased).toMatchObject({ value: 1 });
      expect(await accountIds(db)).toEqual(["a", "d"]);
    },
  );

  it.each(kinds)("by %s: has mutations of two root fields", async (_kind, clientOf) => {
    await using db = await open();
    await using strict = strictClient(db);
    const prisma = clientOf(strict, db.prisma);
    const add = async (_: unknown, { id }: { id: string }, { tx }: { tx: TestClient }) => {
      await tx.account.create(account(id));
      return id;
    };
    const yoga = createYoga({
      schema: createSchema({
        typeDefs: "type Query { a: Int } type Mutation { add(id: String!): String }",
        resolvers: { Mutation: { add } },
      }),
      plugins: [useIdempotency({ idempotency: createIdempotency({ prisma }), scope: "global" })],
      logging: false,
    });
    const response = await yoga.fetch("http://test/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": '"k"' },
      body: JSON.stringify({ query: 'mutation { a: add(id: "a") b: add(id: "b") }' }),
    });
    expect(await response.json()).toMatchObject({ data: { a: "a", b: "b" } });
    expect(await accountIds(db)).toEqual(["a", "b"]);
  });
});
