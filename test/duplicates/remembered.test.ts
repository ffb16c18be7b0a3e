import { describe, expect, test } from "vitest";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { door, failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";

/** What ends a record that this process remembers, behind its back. */
const ends: Record<string, (db: TestDatabase) => Promise<unknown>> = {
  "has expired": (db) =>
    db.query(
      db.provider === "sqlite"
        ? "UPDATE idempotency_record SET expires_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"
        : "UPDATE idempotency_record SET expires_at = clock_timestamp()",
    ),
  "was deleted by hand": (db) => db.query("DELETE FROM idempotency_record"),
  "was pruned": async (db) => {
    await ends["has expired"]?.(db);
    expect(await idempotencyOf(await db.connect()).prune()).toBe(1);
  },
};

describe.each(databases)("a record that this process has seen finished, on $name", ({ open }) => {
  test.each(Object.keys(ends))("is executed anew when it %s since", async (end) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
    await ends[end]?.(db);
    const second = await idempotency.run(request("k"), place);
    expect(second.replayed).toBe(false);
    expect(second.value.id).not.toBe(first.value.id);
    const third = await idempotency.run(request("k"), place);
    expect([third.replayed, third.value.id]).toEqual([true, second.value.id]);
    expect([place.runs, await db.countOrders()]).toEqual([2, 2]);
  });

  test("gives what stands in the table now, not what it gave before", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "first");
    await db.query("DELETE FROM idempotency_record");
    await idempotencyOf(await db.connect()).run(request("k"), async () => "second");
    expect(await idempotency.run(request("k"), async () => "third")).toEqual({
      value: "second",
      replayed: true,
    });
  });

  test("is refused with another input", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k", { input: 1 }), placing("k"));
    const error = await failureOf(idempotency.run(request("k", { input: 2 }), placing("k")));
    expect(error.code).toBe("KEY_REUSED");
    expect(await db.countOrders()).toBe(1);
  });

  test("replays its stored error", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    const fail = () => Promise.reject(new Error("sold out"));
    await idempotency.runSettled(request("k"), fail);
    expect(await idempotency.runSettled(request("k"), placing("k"))).toMatchObject({
      status: "failed",
      replayed: true,
      error: { message: "sold out" },
    });
  });

  test("is not replayed while a leased run holds the key anew", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { onDuplicate: "reject" });
    await idempotency.run(request("k"), async () => "first");
    await db.query("DELETE FROM idempotency_record");
    const { wait, arrived, open: openDoor } = door();
    const leased = idempotencyOf(await db.connect()).runLeased(request("k"), async () => {
      await wait();
      return "second";
    });
    await arrived;
    expect((await failureOf(idempotency.run(request("k"), placing("k")))).code).toBe("IN_PROGRESS");
    openDoor();
    await leased;
    expect((await idempotency.run(request("k"), async () => "never")).value).toBe("second");
  });

  test("comes back beside many others that are asked for at the same time, each with its own answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`);
    const runs = () => Promise.all(keys.map((key) => idempotency.run(request(key), async () => key)));
    await runs();
    await db.query("DELETE FROM idempotency_record WHERE key LIKE '%9'");
    const again = await runs();
    expect(again.map(({ value }) => value)).toEqual(keys);
    expect(again.filter(({ replayed }) => !replayed)).toHaveLength(5);
    expect(await records(db)).toHaveLength(50);
  });
});

describe.runIf(onPostgres)("a remembered record on PostgreSQL", () => {
  test("waits for another process that executes it anew, and gets the new answer", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "old");
    await ends["has expired"]?.(db);
    const { wait, arrived, open } = door();
    const first = idempotencyOf(await db.connect()).run(request("k"), async () => {
      await wait();
      return "new";
    });
    await arrived;
    const second = idempotency.run(request("k"), async () => "never");
    await db.waitForBlockedBackend();
    open();
    expect(await first).toEqual({ value: "new", replayed: false });
    expect(await second).toEqual({ value: "new", replayed: true });
  });

  test("is not waited for behind a full pool longer than for a claim: STORE_UNAVAILABLE", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1 });
    const idempotency = idempotencyOf(client, { outageMs: 0, transaction: { maxWaitMs: 500 } });
    await idempotency.run(request("k"), placing("k"));
    const { wait, arrived, open } = door();
    let isHeld = true;
    const holder = client.$transaction(wait, { timeout: 120_000 }).finally(() => {
      isHeld = false;
    });
    await arrived;
    const error = await failureOf(idempotency.run(request("k"), placing("k")));
    expect(error.code).toBe("STORE_UNAVAILABLE");
    // Prisma 6 does not keep maxWait behind a full pool; there our own limit of the transaction ends it.
    expect(isHeld).toBe(true);
    open();
    await holder;
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(true);
  });

  test("is not answered from memory when its table is away: STORE_MISCONFIGURED", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1 });
    const idempotency = idempotencyOf(client, { transaction: { maxWaitMs: 500 } });
    await idempotency.run(request("k"), placing("k"));
    await db.query("ALTER TABLE idempotency_record RENAME TO gone");
    const place = placing("k");
    expect((await failureOf(idempotency.run(request("k"), place))).code).toBe("STORE_MISCONFIGURED");
    expect(place.runs).toBe(0);
  });
});
