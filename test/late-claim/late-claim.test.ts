import { describe, expect, test } from "vitest";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { door, failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

const late = { claim: "late" } as const;

describe.each(databases.filter(({ name }) => name === "sqlite"))("a late claim on $name", ({ open }) => {
  test("is an early one: another process does not execute", async () => {
    await using db = await open();
    const stored = await idempotencyOf(db.prisma, late).run(request("k"), placing("k"));
    const again = placing("k");
    const replay = await idempotencyOf(db.prisma, late).run(request("k"), again);
    expect([replay.value.id, replay.replayed, again.runs]).toEqual([stored.value.id, true, 0]);
  });
});

describe.runIf(onPostgres)("a late claim on PostgreSQL", () => {
  test("executes once; the same process replays it without executing", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma, late);
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    const second = await idempotency.run(request("k"), place);
    expect([first.replayed, second.replayed, second.value.id]).toEqual([false, true, first.value.id]);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("leaves the record that an early one leaves", async () => {
    await using db = await openPostgres();
    await idempotencyOf(db.prisma, late).run(request("late", { input: 1 }), async () => "answer");
    await idempotencyOf(db.prisma).run(request("early", { input: 1 }), async () => "answer");
    const [early, other] = await records(db);
    const same = [
      "scope",
      "operation",
      "fingerprint",
      "status",
      "response",
      "attempt",
      "locked_until",
      "input",
    ];
    for (const column of same) expect([column, other?.[column]]).toEqual([column, early?.[column]]);
    const lifetime = (row: typeof early) =>
      new Date(String(row?.["expires_at"])).getTime() - new Date(String(row?.["created_at"])).getTime();
    expect(lifetime(other)).toBeCloseTo(lifetime(early), -2);
    expect(other?.["completed_at"]).not.toBeNull();
    expect(other?.["owner"]).not.toBe(early?.["owner"]);
  });

  test("in another process executes, is undone, and answers what is stored", async () => {
    await using db = await openPostgres();
    const stored = await idempotencyOf(db.prisma, late).run(request("k"), placing("k"));
    const again = placing("k");
    const callbacks: string[] = [];
    const { value, replayed } = await idempotencyOf(db.prisma, late).run(request("k"), (context) => {
      context.afterCommit(() => callbacks.push("called"));
      return again(context);
    });
    expect([value.id, replayed]).toEqual([stored.value.id, true]);
    expect([again.runs, await db.countOrders(), callbacks]).toEqual([1, 1, []]);
  });

  test("of another input is KEY_REUSED, and nothing of it stays", async () => {
    await using db = await openPostgres();
    await idempotencyOf(db.prisma, late).run(request("k", { input: 1 }), placing("k"));
    const other = idempotencyOf(db.prisma, late).run(request("k", { input: 2 }), placing("k"));
    expect(await failureOf(other)).toMatchObject({ code: "KEY_REUSED" });
    expect(await db.countOrders()).toBe(1);
  });

  test("stores an error that is an answer, which another process gets; the handler's writes are gone", async () => {
    await using db = await openPostgres();
    const storing = { ...late, storeError: () => true };
    let runs = 0;
    const fail = async ({ tx }: { tx: typeof db.prisma }) => {
      runs += 1;
      await tx.order.create({ data: orderOf("k") });
      throw new Error(`run ${runs}`);
    };
    for (const idempotency of [idempotencyOf(db.prisma, storing), idempotencyOf(db.prisma, storing)]) {
      await expect(idempotency.run(request("k"), fail as never)).rejects.toThrow("run 1");
    }
    // The first is not executed again to store its error; the second finds out afterwards.
    expect(runs).toBe(2);
    expect(await records(db)).toMatchObject([{ status: "failed" }]);
    expect(await db.countOrders()).toBe(0);
  });

  test("releases the key with any other error", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma, late);
    const place = placing("k", () => Promise.reject(new Error("a bug")));
    await expect(idempotency.run(request("k"), place)).rejects.toThrow("a bug");
    expect([place.runs, await db.countOrders(), await records(db)]).toEqual([1, 0, []]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test("whose handler stumbles over what its own duplicate did answers what is stored", async () => {
    await using db = await openPostgres();
    const openAccount = ({ tx }: { tx: typeof db.prisma }) =>
      tx.account.create({ data: { id: "the only one", balance: 1 } });
    const stored = await idempotencyOf(db.prisma, late).run(request("k"), openAccount as never);
    // P2002 of the handler's own key.
    const again = await idempotencyOf(db.prisma, late).run(request("k"), openAccount as never);
    expect(again).toEqual({ value: stored.value, replayed: true });
  });

  test("whose result cannot be stored leaves nothing", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma, late);
    const unstorable = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      return () => 1;
    });
    expect(await failureOf(unstorable)).toMatchObject({ code: "RESULT_UNSTORABLE" });
    expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
  });

  test("takes over an expired record, and executes for it", async () => {
    await using db = await openPostgres();
    await idempotencyOf(db.prisma, late).run(request("k", { retentionMs: 1 }), placing("k"));
    await expect
      .poll(async () => {
        const { replayed } = await idempotencyOf(db.prisma, late).run(request("k"), placing("k"));
        return replayed;
      })
      .toBe(false);
    expect(await db.countOrders()).toBe(2);
    expect(await records(db)).toMatchObject([{ status: "completed", attempt: expect.anything() }]);
  });

  test("of a key that a leased run holds is IN_PROGRESS, and nothing of it stays", async () => {
    await using db = await openPostgres();
    const { wait, arrived, open: openDoor } = door();
    const leased = idempotencyOf(db.prisma).runLeased(request("k"), async () => {
      await wait();
      return "leased";
    });
    await arrived;
    const beside = idempotencyOf(db.prisma, { ...late, onDuplicate: "reject" }).run(
      request("k"),
      placing("k"),
    );
    expect(await failureOf(beside)).toMatchObject({ code: "IN_PROGRESS" });
    expect(await db.countOrders()).toBe(0);
    openDoor();
    await leased;
    expect(await idempotencyOf(db.prisma, late).run(request("k"), placing("k"))).toEqual({
      value: "leased",
      replayed: true,
    });
  });

  test("may be asked for by one run, beside others of the same key that claim early", async () => {
    await using db = await openPostgres();
    const idempotencies = Array.from({ length: 4 }, () =>
      idempotencyOf(db.prisma, { waitMs: 30_000, transaction: { maxWaitMs: 30_000 } }),
    );
    const ends = await Promise.all(
      idempotencies.map((idempotency, index) =>
        idempotency.run(request("k", index % 2 === 0 ? late : {}), placing("k")),
      ),
    );
    expect(new Set(ends.map(({ value }) => value.id)).size).toBe(1);
    expect(ends.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await db.countOrders()).toBe(1);
  });
});
