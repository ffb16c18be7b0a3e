import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { TestClient } from "../support/clients.ts";
import { onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { door, failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

async function alterDatabase(db: TestDatabase, setting: string): Promise<TestClient> {
  const [row] = await db.query("SELECT current_database() AS name");
  await db.query(`ALTER DATABASE "${row?.["name"]}" SET ${setting}`);
  return db.connect();
}

describe.runIf(onPostgres)("lock_timeout", () => {
  test.each(["0", "2750ms", "3min"])("is %s inside the handler, as the database sets it", async (setting) => {
    await using db = await openPostgres();
    const client = await alterDatabase(db, `lock_timeout = '${setting}'`);
    const [outside] = await client.$queryRawUnsafe<{ lock_timeout: string }[]>("SHOW lock_timeout");
    const idempotency = idempotencyOf(client);
    const inside = await idempotency.run(request("k"), ({ tx }) => tx.$queryRawUnsafe("SHOW lock_timeout"));
    expect(inside.value).toEqual([outside]);
    const taken = await db.query(
      "UPDATE idempotency_record SET expires_at = now() - interval '1s' RETURNING key",
    );
    expect(taken).toHaveLength(1);
    const again = await idempotency.run(request("k"), ({ tx }) => tx.$queryRawUnsafe("SHOW lock_timeout"));
    expect(again).toEqual({ value: [outside], replayed: false });
  });

  test("of the claim does not bound the handler: its statement waits longer than waitMs for a row", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 1 } });
    const { wait, arrived, open } = door();
    const holder = (await db.connect()).$transaction(async (tx) => {
      await tx.account.update({ where: { id: "a" }, data: { balance: 2 } });
      await wait();
    });
    await arrived;
    const run = idempotencyOf(db.prisma, { waitMs: 50 }).run(request("k"), ({ tx }) =>
      tx.account.update({ where: { id: "a" }, data: { balance: { increment: 10 } } }),
    );
    await db.waitForBlockedBackend();
    await sleep(300);
    open();
    await holder;
    expect((await run).value.balance).toBe(12);
  });

  test("set by the claim does not stay on the connection", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1 });
    const idempotency = idempotencyOf(client);
    await idempotency.run(request("k"), async () => 1);
    await idempotency.run(request("k"), async () => 1);
    await idempotency.run(request("l"), () => Promise.reject(new Error("no"))).catch(() => {});
    expect(await client.$queryRawUnsafe("SHOW lock_timeout")).toEqual([{ lock_timeout: "0" }]);
  });
});

describe.runIf(onPostgres)("a handler that catches the error of a failed statement", () => {
  const swallow = async ({ tx }: { tx: Pick<TestClient, "order" | "account"> }) => {
    await tx.order.create({ data: orderOf("k") });
    await tx.account.create({ data: { id: "taken", balance: 1 } }).catch(() => {});
    return "done";
  };

  test("is RESULT_UNSTORABLE, and nothing is committed: the database had rolled back without a word", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "taken", balance: 1 } });
    for (const storeError of [() => false, () => true]) {
      const error = await failureOf(idempotencyOf(db.prisma, { storeError }).run(request("k"), swallow));
      expect(error).toMatchObject({ code: "RESULT_UNSTORABLE", retryable: false });
      expect(error.message).toContain("caught the error of a failed statement");
    }
    const error = await failureOf(idempotencyOf(db.prisma).run(request("k"), swallow));
    expect(error.code).toBe("RESULT_UNSTORABLE");
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });

  test("may do so behind a savepoint of its own", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "taken", balance: 1 } });
    const end = await idempotencyOf(db.prisma, { storeError: () => true }).run(
      request("k"),
      async ({ tx }) => {
        await tx.order.create({ data: orderOf("k") });
        await tx.$executeRawUnsafe("SAVEPOINT mine");
        await tx.account
          .create({ data: { id: "taken", balance: 1 } })
          .catch(() => tx.$executeRawUnsafe("ROLLBACK TO SAVEPOINT mine"));
        return "done";
      },
    );
    expect(end).toEqual({ value: "done", replayed: false });
    expect(await db.countOrders()).toBe(1);
  });
});

describe.runIf(onPostgres)("a write conflict in the handler", () => {
  /** Reads, lets another transaction write the same row, then writes: 40001 on the first `conflicts` attempts. */
  function conflicting(db: TestDatabase, conflicts: number) {
    const attempts: unknown[] = [];
    const work = async ({
      tx,
      attempt,
    }: {
      tx: TestClient | Pick<TestClient, "account" | "order">;
      attempt: number;
    }) => {
      attempts.push(attempt);
      await tx.order.create({ data: orderOf("k") });
      const account = await tx.account.findUniqueOrThrow({ where: { id: "a" } });
      if (attempts.length <= conflicts) {
        await db.query(`UPDATE "Account" SET balance = balance + 100 WHERE id = 'a'`);
      }
      await tx.account.update({ where: { id: "a" }, data: { balance: account.balance + 1 } });
      return account.balance;
    };
    return { attempts, work };
  }
  const serializable = { transaction: { isolationLevel: "Serializable" } };

  test("reaches the caller by default, after one execution", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const { attempts, work } = conflicting(db, 1);
    await expect(idempotencyOf(db.prisma, serializable).run(request("k"), work)).rejects.toMatchObject({
      code: "P2034",
    });
    expect(attempts).toEqual([1]);
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });

  test.each([1, 2])("is repeated whole as often as retryConflicts says: %d", async (retryConflicts) => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const { attempts, work } = conflicting(db, retryConflicts);
    const end = await idempotencyOf(db.prisma, { ...serializable, retryConflicts }).run(request("k"), work);
    expect(end).toEqual({ value: 100 * retryConflicts, replayed: false });
    expect(attempts).toHaveLength(retryConflicts + 1);
    expect(await db.countOrders()).toBe(1);
    expect(await db.query(`SELECT balance FROM "Account"`)).toEqual([{ balance: 100 * retryConflicts + 1 }]);
  });

  test("is not repeated once more than that", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const { attempts, work } = conflicting(db, 9);
    const run = idempotencyOf(db.prisma, { ...serializable, retryConflicts: 2 }).run(request("k"), work);
    await expect(run).rejects.toMatchObject({ code: "P2034" });
    expect(attempts).toHaveLength(3);
  });

  test("that shows only at COMMIT (write skew) is repeated too, and reaches the caller when not", async () => {
    await using db = await openPostgres();
    await db.prisma.account.createMany({
      data: [
        { id: "a", balance: 1 },
        { id: "b", balance: 1 },
      ],
    });
    const other = await db.connect();
    const skew =
      (runs: { count: number }) =>
      async ({ tx }: { tx: Pick<TestClient, "account"> }) => {
        runs.count += 1;
        await tx.account.aggregate({ _sum: { balance: true } });
        await tx.account.update({ where: { id: "a" }, data: { balance: { increment: 1 } } });
        if (runs.count > 1) return;
        await other.$transaction(
          async (concurrent) => {
            await concurrent.account.aggregate({ _sum: { balance: true } });
            await concurrent.account.update({ where: { id: "b" }, data: { balance: { increment: 1 } } });
          },
          { isolationLevel: "Serializable" },
        );
      };
    const once = { count: 0 };
    const error: unknown = await idempotencyOf(db.prisma, serializable)
      .run(request("k"), skew(once))
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(Error);
    expect([once.count, (await records(db)).length]).toEqual([1, 0]);
    const twice = { count: 0 };
    await idempotencyOf(db.prisma, { ...serializable, retryConflicts: 1 }).run(request("k"), skew(twice));
    expect([twice.count, (await records(db)).length]).toEqual([2, 1]);
  });

  test("of two runs that deadlock costs one of them a repetition, not its answer", async () => {
    await using db = await openPostgres();
    await db.prisma.account.createMany({
      data: [
        { id: "a", balance: 0 },
        { id: "b", balance: 0 },
      ],
    });
    const idempotency = idempotencyOf(db.prisma, { retryConflicts: 3 });
    const [one, other] = [door(), door()];
    const transfer =
      (from: string, to: string, mine: typeof one) =>
      async ({ tx }: { tx: Pick<TestClient, "account"> }) => {
        await tx.account.update({ where: { id: from }, data: { balance: { decrement: 1 } } });
        await mine.wait();
        await tx.account.update({ where: { id: to }, data: { balance: { increment: 1 } } });
      };
    const runs = [
      idempotency.run(request("1"), transfer("a", "b", one)),
      idempotency.run(request("2"), transfer("b", "a", other)),
    ];
    await Promise.all([one.arrived, other.arrived]);
    one.open();
    other.open();
    await Promise.all(runs);
    expect(await db.query(`SELECT id, balance FROM "Account" ORDER BY id`)).toEqual([
      { id: "a", balance: 0 },
      { id: "b", balance: 0 },
    ]);
  });
});

describe.runIf(onPostgres)("a commit that the database refuses", () => {
  test("for a deferred constraint is the caller's error, leaves nothing, and the key is free", async () => {
    await using db = await openPostgres();
    await db.query(`CREATE TABLE line (order_id text REFERENCES "Order"(id) DEFERRABLE INITIALLY DEFERRED)`);
    const idempotency = idempotencyOf(db.prisma);
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      await tx.$executeRawUnsafe("INSERT INTO line VALUES ('none')");
    });
    await expect(run).rejects.toMatchObject({ message: expect.stringMatching(/foreign|constraint/i) });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });
});
