import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { Relay } from "../support/relay.ts";
import { inconsistencies, openShop, ordersOf, writeOrder } from "../support/shop.ts";
import { renamed } from "../support/shop-worker.ts";
import { COMMIT, openProxy } from "../support/tcp-proxy.ts";

/** app -> relay -> proxy -> PostgreSQL, and a second process that reaches PostgreSQL directly. */
async function openFragile(run: RunOptions = {}) {
  const database = await openPostgres();
  const proxy = await openProxy(database.url);
  const relay = await Relay.open(() => Number(new URL(proxy.url).port));
  const prisma = await database.connect({
    url: renamed({ ...database, url: relay.urlOf(proxy.url) }, "fragile"),
  });
  const shop = openShop({ prisma, by: "fragile", run });
  const afterCommits: string[] = [];
  return {
    database,
    proxy,
    relay,
    shop,
    afterCommits,
    /** Like `shop.place`, with a callback after the commit. */
    place: async (key: string) => {
      const { value, replayed } = await shop.idempotency.run(
        { operation: "orders.place", scope: "u", key },
        async ({ tx, afterCommit }) => {
          afterCommit(() => afterCommits.push(key));
          return { orderId: await writeOrder(tx, key, "fragile"), by: "fragile" };
        },
      );
      return { ...value, replayed };
    },
    other: openShop({ prisma: await database.connect(), by: "other" }),
    terminate: () =>
      database.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fragile' AND state <> 'idle'",
      ),
    async [Symbol.asyncDispose]() {
      await relay[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

const unavailable = { code: "STORE_UNAVAILABLE", retryable: true };

describe.runIf(onPostgres)("a connection lost during COMMIT", () => {
  test("before the database heard of it: a retryable error, no row, and the retry executes once", async () => {
    await using setup = await openFragile();
    setup.proxy.cutCommit("before");
    await expect(setup.place("k")).rejects.toMatchObject(unavailable);
    expect([await setup.database.countOrders(), setup.afterCommits]).toEqual([0, []]);
    const { orderId, replayed } = await setup.place("k");
    expect(replayed).toBe(false);
    expect(await ordersOf(setup.database, "k")).toEqual([{ orderId, by: "fragile" }]);
    expect(setup.afterCommits).toEqual(["k"]);
  });

  test.each(["after", "answered"] as const)(
    "once the database has it (%s): the caller gets the value, its waiters too, callbacks run once",
    async (when) => {
      await using setup = await openFragile();
      setup.proxy.cutCommit(when);
      const answers = await Promise.all(["owner", "waiter", "waiter"].map(() => setup.place("k")));
      expect(answers.map(({ replayed }) => replayed)).toEqual([false, true, true]);
      expect(new Set(answers.map(({ orderId }) => orderId)).size).toBe(1);
      expect(await setup.database.countOrders()).toBe(1);
      expect(setup.afterCommits).toEqual(["k"]);
    },
  );

  test.each([
    { end: "arrives late", rows: 1 },
    { end: "never arrives", rows: 0 },
  ])(
    "while COMMIT is still on its way, which $end: the caller is told what the database shows",
    async ({ rows }) => {
      await using setup = await openFragile();
      const hold = setup.proxy.intercept(COMMIT, "before");
      let told = false;
      const [outcome] = [setup.place("k")].map((placing) =>
        placing
          .then(
            ({ replayed }) => ({ replayed }),
            (error: unknown) => error,
          )
          .finally(() => {
            told = true;
          }),
      );
      await hold.reached;
      setup.relay.cutClients();
      // The one who asks how it ended waits for the lock of the transaction in question.
      const [probe] = await setup.database.waitForBlockedBackend();
      expect(probe?.query).toContain("INSERT INTO");
      expect(told).toBe(false);
      if (rows === 1) hold.release();
      else hold.cut();
      expect(await outcome).toMatchObject(rows === 1 ? { replayed: false } : unavailable);
      expect([await setup.database.countOrders(), setup.afterCommits.length]).toEqual([rows, rows]);
      const retry = await setup.place("k");
      expect([retry.replayed, await setup.database.countOrders()]).toEqual([rows === 1, 1]);
      expect(await inconsistencies(setup.database)).toEqual([]);
    },
  );

  test.each([
    { when: "before", rows: 0 },
    { when: "answered", rows: 1 },
  ] as const)(
    "and none to be had for outageMs ($when): STORE_UNAVAILABLE, later the truth",
    async ({ when, rows }) => {
      await using setup = await openFragile({ outageMs: 500 });
      const hold = setup.proxy.intercept(COMMIT, when);
      const placing = setup.place("k").catch((error: unknown) => error);
      await hold.reached;
      setup.proxy.refusing = true;
      hold.cut();
      expect(await placing).toMatchObject(unavailable);
      expect([await setup.database.countOrders(), setup.afterCommits]).toEqual([rows, []]);
      setup.proxy.refusing = false;
      const retry = await setup.place("k");
      expect([retry.replayed, await setup.database.countOrders()]).toEqual([rows === 1, 1]);
    },
  );

  test("is asked for no longer than its record is kept", async () => {
    await using setup = await openFragile({ retentionMs: 500 });
    const hold = setup.proxy.intercept(COMMIT, "answered");
    const placing = setup.place("k").catch((error: unknown) => error);
    await hold.reached;
    setup.proxy.refusing = true;
    hold.cut();
    // Half of the default outageMs.
    expect(await Promise.race([placing, sleep(30_000, "still asking")])).toMatchObject(unavailable);
    expect(await setup.database.countOrders()).toBe(1);
  });

  test.each(["arrives late", "never arrives"])(
    "that hangs until the transaction's time is over, and %s: the caller is told what the database shows",
    async (end) => {
      await using setup = await openFragile({ transaction: { timeoutMs: 300, maxWaitMs: 300 } });
      await setup.place("before");
      const hold = setup.proxy.intercept(COMMIT, "before");
      const outcome = setup.place("k").then(
        ({ replayed }) => ({ replayed }),
        (error: unknown) => error,
      );
      // The one who asks how it ended has found it still there.
      await setup.database.waitForBlockedBackend();
      if (end === "arrives late") hold.release();
      else hold.cut();
      const isStored = end === "arrives late";
      expect(await outcome).toMatchObject(isStored ? { replayed: false } : unavailable);
      expect(await setup.database.countOrders()).toBe(isStored ? 2 : 1);
      expect((await setup.place("k")).replayed).toBe(isStored);
      expect(await setup.database.countOrders()).toBe(2);
    },
  );

  test("while another process takes the key over: the caller gets that one's answer as a replay", async () => {
    await using setup = await openFragile();
    const hold = setup.proxy.intercept(COMMIT, "before");
    const placing = setup.place("k");
    await hold.reached;
    const heir = setup.other.place("k");
    await setup.database.waitForBlockedBackend();
    // The caller cannot ask before the heir has answered.
    setup.proxy.refusing = true;
    hold.cut();
    expect(await heir).toMatchObject({ replayed: false, by: "other" });
    setup.proxy.refusing = false;
    expect(await placing).toMatchObject({ replayed: true, by: "other" });
    expect([await setup.database.countOrders(), setup.afterCommits]).toEqual([1, []]);
  });
});

describe.runIf(onPostgres)("a connection that the server ends", () => {
  test("inside the handler: the error reaches the caller, nothing is left, the retry executes once", async () => {
    await using setup = await openFragile();
    const placing = setup.shop.place("k", { last: (tx) => setup.terminate().then(() => tx.order.count()) });
    await expect(placing).rejects.toBeInstanceOf(Error);
    expect(await setup.database.countOrders()).toBe(0);
    const { orderId, replayed } = await setup.shop.place("k");
    expect(replayed).toBe(false);
    expect(await ordersOf(setup.database, "k")).toEqual([{ orderId, by: "fragile" }]);
  });

  test("after the handler's last statement: a retryable error, since the handler did nothing wrong", async () => {
    await using setup = await openFragile();
    await expect(setup.shop.place("k", { last: setup.terminate })).rejects.toMatchObject(unavailable);
    expect(await setup.database.countOrders()).toBe(0);
    expect((await setup.shop.place("k")).replayed).toBe(false);
    expect(await setup.database.countOrders()).toBe(1);
  });

  test("while it waits for a duplicate's lock: a retryable error, and later the duplicate's answer", async () => {
    await using setup = await openFragile();
    const waiting = setup.other.place("k", {
      last: async () => {
        const blocked = setup.shop.place("k").catch((error: unknown) => error);
        await setup.database.waitForBlockedBackend();
        await setup.terminate();
        expect(await blocked).toMatchObject(unavailable);
      },
    });
    const { orderId } = await waiting;
    expect(await setup.shop.place("k")).toEqual({ key: "k", orderId, by: "other", replayed: true });
    expect(await setup.database.countOrders()).toBe(1);
  });
});
