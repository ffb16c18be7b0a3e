/** A claim travels with BEGIN only where Prisma's own `$transaction` begins, which begins one transaction. */
import { PrismaPg } from "@prisma/adapter-pg";
import { describe, expect, test } from "vitest";
import type { TestClient } from "../support/clients.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { PrismaClient } from "../support/generated/postgresql/client.ts";
import { idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

type Transact = (...args: unknown[]) => Promise<unknown>;
type Transacting = { $transaction: Transact };

/** A transaction of its own, before the one that was asked for. */
async function noted(client: unknown): Promise<void> {
  const { $transaction } = client as Transacting;
  await $transaction.call(client, async (tx: TestClient) => {
    await tx.account.create({ data: { id: `note ${Math.random()}`, balance: 0 } });
  });
}

const CLIENTS: Record<string, [isShared: boolean, make: (url: string) => TestClient]> = {
  "Prisma's client": [true, (url) => new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) })],
  "a client with extensions": [
    true,
    (url) =>
      new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) }).$extends({
        query: { $allOperations: async ({ args, query }) => query(args) },
        client: { $hello: () => "hello" },
      }) as unknown as TestClient,
  ],
  "an extension that begins another transaction first": [
    false,
    (url) => {
      const plain = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
      const transact = plain.$transaction.bind(plain) as unknown as Transact;
      return plain.$extends({
        client: {
          async $transaction(...args: unknown[]) {
            await noted(plain);
            return transact(...args);
          },
        },
      }) as unknown as TestClient;
    },
  ],
  "a class that begins another transaction first": [
    false,
    (url) => {
      class Noting extends PrismaClient {
        override $transaction = (async (...args: unknown[]) => {
          await noted(
            new Proxy(this, {
              get: (target, name) => (name === "$transaction" ? plain : Reflect.get(target, name)),
            }),
          );
          return (plain as unknown as Transact).apply(this, args);
        }) as never;
      }
      const plain = PrismaClient.prototype.$transaction;
      return new Noting({ adapter: new PrismaPg({ connectionString: url }) }) as unknown as TestClient;
    },
  ],
  "a client whose method was replaced": [
    false,
    (url) => {
      const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
      const transact = client.$transaction.bind(client) as unknown as Transact;
      Object.assign(client, {
        $transaction: async (...args: unknown[]) => {
          await noted({ $transaction: transact });
          return transact(...args);
        },
      });
      return client;
    },
  ],
};

describe.runIf(onPostgres)("the claim of a run of", () => {
  test.each(Object.entries(CLIENTS))(
    "%s commits with its outcome, or not at all",
    async (_, [isShared, make]) => {
      await using db = await openPostgres();
      await using proxy = await openProxy(db.url);
      const client = make(proxy.url);
      try {
        const idempotency = idempotencyOf(client, { guard: "warn" } as object);
        const failing = idempotency.run(request("k"), async ({ tx }) => {
          await tx.order.create({ data: orderOf("k") });
          throw new Error("no");
        });
        await expect(failing).rejects.toThrow("no");
        expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
        proxy.reset();
        expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
        expect((await idempotencyOf(client).run(request("k"), placing("k"))).replayed).toBe(true);
        expect([await db.countOrders(), (await records(db)).length]).toEqual([1, 1]);
        expect(proxy.statements.some((text) => text.startsWith("BEGIN;"))).toBe(isShared);
      } finally {
        await client.$disconnect();
      }
    },
  );
});
