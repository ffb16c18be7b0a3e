import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { door, failureOf, idempotencyOf, placing, records, request, underWay } from "../support/runs.ts";

/** Two clients of one database, each with its own pool and its own memory, as two processes have them. */
async function twoProcesses(settings: string[] = []) {
  const db = await openPostgres();
  for (const setting of settings) {
    const [row] = await db.query("SELECT current_database() AS name");
    await db.query(`ALTER DATABASE "${row?.["name"]}" SET ${setting}`);
  }
  const [one, other] = [await db.connect(), await db.connect()];
  return { db, one, other };
}

/** Longer than any test. */
const NEVER = 600_000;

describe.runIf(onPostgres)("a duplicate in another process", () => {
  test("blocks in its claim until the first has committed, then gets the answer", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { place, first, openDoor } = await underWay(idempotencyOf(one));
    const second = idempotencyOf(other).run(request("k"), place);
    const [blocked] = await db.waitForBlockedBackend();
    expect(blocked?.query).toContain("INSERT INTO");
    const locks = await db.query("SELECT locktype, granted FROM pg_locks WHERE pid = $1 AND NOT granted", [
      blocked?.pid ?? 0,
    ]);
    expect(locks).toEqual([{ locktype: "transactionid", granted: false }]);
    expect(await db.countOrders()).toBe(0);
    openDoor();
    const [a, b] = await Promise.all([first, second]);
    expect([a.replayed, b.replayed, b.value.id]).toEqual([false, true, a.value.id]);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("executes when the first rolls back, whose writes are gone", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const failing = placing("first", async () => {
      await wait();
      throw new Error("rolled back");
    });
    const first = idempotencyOf(one).run(request("k"), failing);
    await arrived;
    const place = placing("second");
    const second = idempotencyOf(other).run(request("k"), place);
    await db.waitForBlockedBackend();
    expect(place.runs).toBe(0);
    open();
    await expect(first).rejects.toThrow("rolled back");
    expect((await second).replayed).toBe(false);
    expect([await db.countOrders(), await db.countOrders({ key: "second" })]).toEqual([1, 1]);
  });

  test("gets a stored error, which nobody could execute past", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const storeError = () => true;
    const failing = placing("k", async () => {
      await wait();
      throw new Error("sold out");
    });
    const first = idempotencyOf(one, { storeError }).runSettled(request("k"), failing);
    await arrived;
    const second = idempotencyOf(other, { storeError }).runSettled(request("k"), placing("k"));
    await db.waitForBlockedBackend();
    open();
    expect(await first).toMatchObject({ status: "failed", replayed: false });
    expect(await second).toMatchObject({ status: "failed", replayed: true, error: { message: "sold out" } });
    expect(await db.countOrders()).toBe(0);
  });

  test("is refused with another input, after the wait", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const first = idempotencyOf(one).run(request("k", { input: 1 }), placing("k", wait));
    await arrived;
    const second = failureOf(idempotencyOf(other).run(request("k", { input: 2 }), placing("k")));
    await db.waitForBlockedBackend();
    open();
    await first;
    expect((await second).code).toBe("KEY_REUSED");
    expect(await db.countOrders()).toBe(1);
  });

  test.each([100, 1_300])(
    "gets IN_PROGRESS when its %d ms are over, and leaves the first alone",
    async (waitMs) => {
      const { db, one, other } = await twoProcesses();
      await using _ = db;
      const { wait, arrived, open } = door();
      const first = idempotencyOf(one, { transaction: { timeoutMs: NEVER } }).run(
        request("k"),
        placing("k", wait),
      );
      await arrived;
      const start = performance.now();
      const error = await failureOf(idempotencyOf(other, { waitMs }).run(request("k"), placing("k")));
      expect(error).toMatchObject({ code: "IN_PROGRESS", retryable: true, retryAfterMs: 1_000 });
      expect(performance.now() - start).toBeGreaterThanOrEqual(waitMs - 5);
      open();
      expect((await first).replayed).toBe(false);
      expect(await db.countOrders()).toBe(1);
    },
  );

  test("that may not wait is rejected by the database's lock, while the first is under way", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const limits = { waitMs: NEVER, transaction: { timeoutMs: NEVER } };
    const first = idempotencyOf(one, limits).run(request("k"), placing("k", wait));
    await arrived;
    const error = await failureOf(
      idempotencyOf(other, { ...limits, onDuplicate: "reject" }).run(request("k"), placing("k")),
    );
    expect(error.code).toBe("IN_PROGRESS");
    open();
    await first;
  });

  test("waits longer than one slice of the lock bound, and longer than the transaction may take", async () => {
    const { db, one } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const first = idempotencyOf(one, { transaction: { timeoutMs: NEVER } }).run(
      request("k"),
      placing("k", wait),
    );
    await arrived;
    let claims = 0;
    const other = await db.connect({
      log: (statement) => {
        if (statement.startsWith('INSERT INTO "idempotency_record"')) claims += 1;
      },
    });
    const second = idempotencyOf(other, { waitMs: NEVER, transaction: { timeoutMs: 500 } }).run(
      request("k"),
      placing("k"),
    );
    // Each but the last has waited for a second.
    await expect.poll(() => claims).toBeGreaterThan(2);
    open();
    const [a, b] = await Promise.all([first, second]);
    expect([a.replayed, b.replayed, b.value.id]).toEqual([false, true, a.value.id]);
  });

  test("has all its own time for the handler after the wait", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const first = idempotencyOf(one).run(request("k"), async () => {
      await wait();
      throw new Error("rolled back");
    });
    await arrived;
    const place = placing("k", () => sleep(100));
    const second = idempotencyOf(other, { transaction: { timeoutMs: 2_000 } }).run(request("k"), place);
    await db.waitForBlockedBackend();
    // Longer than it may take.
    await sleep(2_500);
    open();
    await expect(first).rejects.toThrow("rolled back");
    expect((await second).replayed).toBe(false);
    expect(place.runs).toBe(1);
  });

  test("comes with nine others and their own duplicates: the handler runs once", async () => {
    await using db = await openPostgres();
    const clients = await Promise.all(Array.from({ length: 10 }, () => db.connect({ max: 3 })));
    const place = placing("k", () => sleep(30));
    const ends = await Promise.all(
      clients.flatMap((client) => {
        const idempotency = idempotencyOf(client);
        return [1, 2, 3].map(() => idempotency.run(request("k"), place));
      }),
    );
    expect(new Set(ends.map(({ value }) => value.id)).size).toBe(1);
    expect(ends.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([place.runs, await db.countOrders(), (await records(db)).length]).toEqual([1, 1, 1]);
  });

  test("is one of ten, of which the first three fail: each attempt runs alone", async () => {
    await using db = await openPostgres();
    const clients = await Promise.all(Array.from({ length: 10 }, () => db.connect({ max: 2 })));
    let running = 0;
    let together = 0;
    let runs = 0;
    const place = placing("k");
    const ends = await Promise.allSettled(
      clients.map((client) =>
        idempotencyOf(client).run(request("k"), async (context) => {
          running += 1;
          together = Math.max(together, running);
          runs += 1;
          const mine = runs;
          const order = await place(context);
          await sleep(10);
          running -= 1;
          if (mine <= 3) throw new Error("no");
          return order;
        }),
      ),
    );
    expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(3);
    expect([runs, together, await db.countOrders()]).toEqual([4, 1, 1]);
  });

  test.each(["RepeatableRead", "Serializable"])(
    "gets the answer under %s too, where its claim fails with 40001 first",
    async (isolationLevel) => {
      const { db, one, other } = await twoProcesses();
      await using _ = db;
      const options = { transaction: { isolationLevel } };
      const { wait, arrived, open } = door();
      const place = placing("k", wait);
      const first = idempotencyOf(one, options).run(request("k"), place);
      await arrived;
      const second = idempotencyOf(other, options).run(request("k"), place);
      await db.waitForBlockedBackend();
      open();
      const [a, b] = await Promise.all([first, second]);
      expect([a.replayed, b.replayed, b.value.id]).toEqual([false, true, a.value.id]);
      expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
    },
  );

  test.each(["RepeatableRead", "Serializable"])(
    "executes under %s when the first rolls back",
    async (isolationLevel) => {
      const { db, one, other } = await twoProcesses();
      await using _ = db;
      const options = { transaction: { isolationLevel } };
      const { wait, arrived, open } = door();
      const first = idempotencyOf(one, options).run(request("k"), async () => {
        await wait();
        throw new Error("rolled back");
      });
      await arrived;
      const second = idempotencyOf(other, options).run(request("k"), placing("k"));
      await db.waitForBlockedBackend();
      open();
      await expect(first).rejects.toThrow("rolled back");
      expect((await second).replayed).toBe(false);
      expect(await db.countOrders()).toBe(1);
    },
  );

  test.each(["repeatable read", "serializable"])(
    "gets the answer where %s is the database's default",
    async (level) => {
      const { db, one, other } = await twoProcesses([`default_transaction_isolation = '${level}'`]);
      await using _ = db;
      const { wait, arrived, open } = door();
      const seen: unknown[] = [];
      const first = idempotencyOf(one).run(request("k"), async ({ tx }) => {
        seen.push(await tx.$queryRawUnsafe("SHOW transaction_isolation"));
        await wait();
        return "first";
      });
      await arrived;
      const second = idempotencyOf(other).run(request("k"), async () => "second");
      await db.waitForBlockedBackend();
      open();
      expect((await first).replayed).toBe(false);
      expect(await second).toEqual({ value: "first", replayed: true });
      expect(seen).toEqual([[{ transaction_isolation: level }]]);
    },
  );

  test("of an expired record waits for its new execution", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    await idempotencyOf(one).run(request("k"), async () => "old");
    await db.query("UPDATE idempotency_record SET expires_at = clock_timestamp() - interval '1 second'");
    const { wait, arrived, open } = door();
    const first = idempotencyOf(one).run(request("k"), async () => {
      await wait();
      return "new";
    });
    await arrived;
    const second = idempotencyOf(other).run(request("k"), async () => "never");
    await db.waitForBlockedBackend();
    open();
    expect(await first).toEqual({ value: "new", replayed: false });
    expect(await second).toEqual({ value: "new", replayed: true });
  });

  test("does not wait for another key, another scope or another operation", async () => {
    const { db, one, other } = await twoProcesses();
    await using _ = db;
    const { wait, arrived, open } = door();
    const first = idempotencyOf(one).run(request("k"), placing("k", wait));
    await arrived;
    const idempotency = idempotencyOf(other, { onDuplicate: "reject" });
    for (const free of [request("l"), request("k", { scope: "v" }), request("k", { operation: "p" })]) {
      expect((await idempotency.run(free, async () => 1)).replayed).toBe(false);
    }
    open();
    await first;
  });
});
