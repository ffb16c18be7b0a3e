import { describe, expect, it } from "vitest";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { orderOf, request } from "../support/runs.ts";
import { application, Undo, undo } from "./support.ts";

describe.each(databases)("the ambient client on $name", ({ open }) => {
  it("writes in the handler's transaction: seen there at once, elsewhere after COMMIT", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const { value } = await idempotency.run(request("k"), async ({ tx }) => {
      await prisma.order.create({ data: orderOf("k") });
      expect(await database.countOrders()).toBe(0);
      return tx.order.count();
    });
    expect(value).toBe(1);
    expect(await database.countOrders()).toBe(1);
  });

  it.each<[string, (prisma: TestClient) => PromiseLike<unknown>]>([
    ["a model", (prisma) => prisma.order.create({ data: orderOf("k") })],
    ["createMany", (prisma) => prisma.order.createMany({ data: [orderOf("k"), orderOf("l")] })],
    ["$executeRaw", (prisma) => prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('a', 1)`],
    [
      "$executeRawUnsafe",
      (prisma) => prisma.$executeRawUnsafe(`INSERT INTO "Account" (id, balance) VALUES ('a', 1)`),
    ],
    [
      "$queryRaw",
      (prisma) => prisma.$queryRaw`INSERT INTO "Account" (id, balance) VALUES ('a', 1) RETURNING id`,
    ],
    [
      "$queryRawUnsafe",
      (prisma) => prisma.$queryRawUnsafe(`INSERT INTO "Account" (id, balance) VALUES ('a', 1) RETURNING id`),
    ],
    ["a batch", (prisma) => prisma.$transaction([prisma.order.create({ data: orderOf("k") })])],
    ["a transaction", (prisma) => prisma.$transaction(async (tx) => tx.order.create({ data: orderOf("k") }))],
    [
      "a transaction that uses the client itself",
      (prisma) => prisma.$transaction(async () => prisma.order.create({ data: orderOf("k") })),
    ],
    [
      "an update of what it just wrote",
      async (prisma) => {
        await prisma.account.create({ data: { id: "a", balance: 1 } });
        await prisma.account.update({ where: { id: "a" }, data: { balance: 2 } });
        expect(await prisma.account.findUniqueOrThrow({ where: { id: "a" } })).toMatchObject({ balance: 2 });
      },
    ],
  ])("is undone with the handler: %s", async (_, write) => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const failed = idempotency.run(request("k"), async () => {
      await write(prisma);
      return undo();
    });
    await expect(failed).rejects.toBeInstanceOf(Undo);
    expect(await database.countOrders()).toBe(0);
    expect(await database.query('SELECT * FROM "Account"')).toEqual([]);
    // And the same commits with it.
    await idempotency.run(request("k"), async () => void (await write(prisma)));
    const rows = await database.query('SELECT id FROM "Account" UNION ALL SELECT id FROM "Order"');
    expect(rows.length).toBeGreaterThan(0);
  });

  it("is the client itself outside of handlers", async () => {
    await using database = await open();
    const { prisma } = application(database.prisma);
    await prisma.$transaction([prisma.order.create({ data: orderOf("a") }), prisma.order.count()]);
    await prisma.$transaction(async (tx) => tx.order.create({ data: orderOf("b") }));
    const failed = prisma.$transaction(async (tx) => {
      await tx.order.create({ data: orderOf("c") });
      return undo();
    });
    await expect(failed).rejects.toBeInstanceOf(Undo);
    expect(await prisma.order.count()).toBe(2);
    expect(prisma.order.fields).toBe(database.prisma.order.fields);
  });

  it("joins from what was taken off it before: a model, a method", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const { order, $executeRawUnsafe } = prisma;
    const { create, count } = prisma.order;
    const use = async () => {
      await order.create({ data: orderOf("k") });
      await create({ data: orderOf("l") });
      expect(await $executeRawUnsafe(`UPDATE "Order" SET quantity = 3`)).toBe(2);
      return count();
    };
    const undone = idempotency.run(request("k"), async () => {
      expect(await use()).toBe(2);
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await database.countOrders()).toBe(0);
    expect(await use()).toBe(2);
  });
});
