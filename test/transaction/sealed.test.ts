import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { failureOf, idempotencyOf, isPrisma6, orderOf, request } from "../support/runs.ts";

class SoldOut extends Error {}

describe.each(databases)("a statement the handler does not await, on $name", ({ name, open }) => {
  test.each([
    ["in the next turn of the event loop", () => turn()],
    ["some promises later", () => Promise.resolve().then(() => Promise.resolve())],
    ["a millisecond later", () => sleep(1)],
  ])("is refused after the handler's end and undoes nothing: %s", async (_, delay) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    let late: Promise<unknown> | undefined;
    const { value } = await idempotency.run(request("k"), async ({ tx }) => {
      const { id } = await tx.order.create({ data: orderOf("k") });
      late = Promise.resolve(delay())
        .then(() => tx.order.create({ data: { id, ...orderOf("late") } }))
        .then(
          () => "sent",
          (error: unknown) => (error as Error).name,
        );
      return id;
    });
    expect(await late).toBe("TransactionOverError");
    expect([await db.countOrders({ key: "k" }), await db.countOrders({ key: "late" })]).toEqual([1, 0]);
    expect((await idempotency.run(request("k"), async () => "again")).value).toBe(value);
  });

  test("is waited for when it is under way, and its failure is not passed over", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const careless = idempotency.run(request("k"), async ({ tx }) => {
      const { id } = await tx.order.create({ data: orderOf("k") });
      tx.order.create({ data: { id, ...orderOf("taken") } }).catch(() => {});
      return id;
    });
    if (name === "postgresql") {
      expect((await failureOf(careless)).code).toBe("RESULT_UNSTORABLE");
    } else {
      await careless;
    }
    // PostgreSQL gives up the whole transaction over a failed statement, SQLite only the statement.
    expect(await db.countOrders()).toBe(name === "postgresql" ? 0 : 1);
  });

  test("beside a stored error leaves no writes behind it", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: (error) => error instanceof SoldOut });
    const ended = await idempotency.runSettled(request("k"), async ({ tx }) => {
      const fails = async () => {
        await tx.order.count();
        throw new SoldOut();
      };
      const writes = async () => {
        await tx.order.count();
        await tx.order.count();
        await tx.order.create({ data: orderOf("k") });
      };
      await Promise.all([fails(), writes().catch(() => {})]);
    });
    expect(ended).toMatchObject({ status: "failed", replayed: false });
    await turn();
    expect(await db.countOrders()).toBe(0);
  });
});

describe.each(databases)("the transaction of a handler on $name", ({ open }) => {
  test("is used as any transaction of Prisma", async () => {
    await using db = await open();
    const { value } = await idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      const query = tx.order.create({ data: orderOf("a") });
      const [first, same, other] = await Promise.all([query, query, tx.order.create({ data: orderOf("b") })]);
      expect([first.id === same.id, tx.order === tx.order, "$connect" in tx]).toEqual([true, true, false]);
      const raw = await tx.$queryRaw`SELECT 1 AS one`;
      expect(raw).toHaveLength(1);
      const missing = await tx.order.findUniqueOrThrow({ where: { id: "none" } }).catch(({ code }) => code);
      const kept = await tx.order.count().finally(() => undefined);
      return [missing, kept, other.key];
    });
    expect(value).toEqual(["P2025", 2, "b"]);
  });

  test("has savepoints where Prisma has them", async () => {
    await using db = await open();
    if (isPrisma6(db.prisma)) return;
    await idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      const nested = tx as typeof tx & Pick<typeof db.prisma, "$transaction">;
      await nested.$transaction(async (inner) => inner.order.create({ data: orderOf("kept") }));
      await nested
        .$transaction(async (inner) => {
          await inner.order.create({ data: orderOf("undone") });
          throw new SoldOut();
        })
        .catch(() => {});
    });
    expect([await db.countOrders({ key: "kept" }), await db.countOrders()]).toEqual([1, 1]);
  });

  test("that never ends blocks its key in this process no longer than the transaction lives", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, {
      transaction: { timeoutMs: 500, maxWaitMs: 2_000 },
      waitMs: 20_000,
    });
    const hung = idempotency.run(request("k"), () => new Promise<never>(() => {}));
    const [end, { value }] = await Promise.all([
      hung.catch(({ code }) => code),
      idempotency.run(request("k"), async () => "retried"),
    ]);
    expect([end, value]).toEqual(["P2028", "retried"]);
  });

  test("gives the first answer as its duplicates get it", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const handler = async () => ({
      bytes: Buffer.from("abc"),
      get computed() {
        return Math.random();
      },
    });
    const [first, replayed] = [
      await idempotency.run(request("k"), handler),
      await idempotency.run(request("k"), handler),
    ];
    expect(JSON.stringify(first.value)).toBe(JSON.stringify(replayed.value));
  });
});
