import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { createDeferred, door, failureOf, idempotencyOf, placing, request } from "../support/runs.ts";

const late = { claim: "late" } as const;

describe.runIf(onPostgres)("late claims beside others", () => {
  const increment = { where: { id: "a" }, data: { balance: { increment: 1 } } };

  /** One that has changed the account stands at the door; four others of its key wait for the account. */
  async function waitingForOne(more: object) {
    const db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const { wait, arrived, open: openDoor } = door();
    const first = idempotencyOf(db.prisma, late).run(request("k"), async ({ tx }) => {
      const { balance } = await tx.account.update(increment);
      await wait();
      return balance;
    });
    await arrived;
    const others = await Promise.all(
      Array.from({ length: 4 }, async () => idempotencyOf(await db.connect(), more)),
    );
    const answers = [
      first,
      ...others.map((one) =>
        one.run(request("k"), async ({ tx }) => (await tx.account.update(increment)).balance),
      ),
    ];
    await db.waitForBlockedBackend(4);
    return { db, answers: Promise.allSettled(answers), openDoor };
  }

  test("that change the same row execute one after the other, and all but the first are undone", async () => {
    const { db, answers, openDoor } = await waitingForOne(late);
    await using _ = db;
    openDoor();
    const values = (await answers).map((answer) =>
      answer.status === "fulfilled" ? answer.value : answer.reason,
    );
    expect(values).toEqual([
      { value: 1, replayed: false },
      ...Array.from({ length: 4 }, () => ({ value: 1, replayed: true })),
    ]);
    expect(await db.query(`SELECT balance FROM "Account"`)).toEqual([{ balance: 1 }]);
  });

  test("beside early ones that wait for its row, while it waits for their record: one effect, and nobody is told another", async () => {
    const { db, answers, openDoor } = await waitingForOne({});
    await using _ = db;
    openDoor();
    const ends = await answers;
    expect(await db.query(`SELECT balance FROM "Account"`)).toEqual([{ balance: 1 }]);
    const told = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
    expect(told.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(told.map(({ value }) => value))).toEqual(new Set([1]));
    // Whom the database ended, to end the deadlock, may come again.
    const failed = ends.flatMap((end) => (end.status === "rejected" ? [String(end.reason)] : []));
    expect(failed.filter((text) => !/deadlock|write conflict/i.test(text))).toEqual([]);
    expect((await idempotencyOf(db.prisma).run(request("k"), async () => 2)).value).toBe(1);
  });

  test("that met a write conflict in the handler execute again, under an early claim", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 0 } });
    const { wait, arrived, open: openDoor } = door();
    let runs = 0;
    const options = { ...late, transaction: { isolationLevel: "RepeatableRead" } };
    const conflicting = idempotencyOf(db.prisma, options).run(request("k"), async ({ tx }) => {
      runs += 1;
      await tx.account.count();
      if (runs === 1) await wait();
      return (await tx.account.update(increment)).balance;
    });
    await arrived;
    await db.prisma.account.update(increment);
    openDoor();
    expect([await conflicting, runs]).toEqual([{ value: 2, replayed: false }, 2]);
  });

  test("bind the wait for their record only, and no check at COMMIT", async () => {
    await using db = await openPostgres();
    await createDeferred(db);
    const { wait, arrived, open: openDoor } = door();
    const holder = (await db.connect()).$transaction(async (tx) => {
      await tx.$executeRawUnsafe("SELECT 1 FROM parent FOR UPDATE");
      await wait();
    });
    await arrived;
    const options = { ...late, onDuplicate: "reject" } as const;
    const run = idempotencyOf(db.prisma, options).run(request("k"), async ({ tx }) => {
      return tx.$executeRawUnsafe("INSERT INTO child VALUES (1)");
    });
    await db.waitForBlockedBackend();
    // Twice the bound of one that may not wait.
    await new Promise((resolve) => setTimeout(resolve, 100));
    openDoor();
    await holder;
    expect(await run).toEqual({ value: 1, replayed: false });
  });

  test.each(["RepeatableRead", "Serializable"])(
    "under %s replay what was committed after their snapshot",
    async (isolationLevel) => {
      await using db = await openPostgres();
      const { wait, arrived, open: openDoor } = door();
      const options = { ...late, transaction: { isolationLevel } };
      const second = idempotencyOf(db.prisma, options).run(request("k"), async ({ tx }) => {
        await tx.account.count();
        await wait();
        return "second";
      });
      await arrived;
      await idempotencyOf(await db.connect(), options).run(request("k"), async () => "first");
      openDoor();
      expect(await second).toEqual({ value: "first", replayed: true });
    },
  );

  test("whose record another transaction holds for longer than they may wait are IN_PROGRESS, and undone", async () => {
    await using db = await openPostgres();
    const { wait, arrived, open: openDoor } = door();
    const first = idempotencyOf(db.prisma).run(request("k"), placing("k", wait));
    await arrived;
    const beside = idempotencyOf(await db.connect(), { ...late, waitMs: 200 }).run(
      request("k"),
      placing("other"),
    );
    expect(await failureOf(beside)).toMatchObject({ code: "IN_PROGRESS" });
    openDoor();
    await first;
    expect(await db.countOrders()).toBe(1);
  });
});
