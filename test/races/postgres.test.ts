import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { type LockingDatabase, onPostgres, openPostgres } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { scaled } from "../support/scale.ts";
import { inconsistencies, openShop, ordersOf } from "../support/shop.ts";
import { renamed } from "../support/shop-worker.ts";
import { COMMIT, openProxy } from "../support/tcp-proxy.ts";
import { byKey, executed, ordersNamed, patient, startProcesses } from "./processes.ts";

/** A row that a handler updates first, held by a transaction of the test's own: it stops every execution. */
async function closeGate(database: LockingDatabase) {
  await database.query(`INSERT INTO "Account" (id, balance) VALUES ('gate', 0)`);
  const client = new Client(renamed(database, "gate"));
  await client.connect();
  await client.query(`BEGIN; SELECT 1 FROM "Account" WHERE id = 'gate' FOR UPDATE`);
  let closed = true;
  const open = async () => {
    if (!closed) return;
    closed = false;
    await client.query("COMMIT");
    await client.end();
  };
  return { open, [Symbol.asyncDispose]: open };
}

/** Connections by the name of their process. */
async function connectionsByProcess(database: LockingDatabase): Promise<Record<string, number>> {
  const rows = await database.query(
    `SELECT application_name AS name, count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND application_name ~ '^p[0-9]+$' GROUP BY 1 ORDER BY 1`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [String(name), Number(n)]));
}

const EACH = scaled({ short: 10, long: 50 });
const KEYS = scaled({ short: 30, long: 200 });

describe.runIf(onPostgres)("duplicates in four processes", () => {
  test(`${4 * EACH} of one key: one executes, one connection per process waits, all get its committed answer`, async () => {
    await using database = await openPostgres();
    await using processes = await startProcesses(database, 4, { max: 3 });
    await using held = await closeGate(database);
    await processes.burst(() => ({ keys: ["k"], each: EACH, gated: true }));

    // One in its handler, the claims of the other three; all other duplicates hold nothing.
    const blocked = await database.waitForBlockedBackend(4);
    expect(blocked).toHaveLength(4);
    expect(blocked.filter(({ query }) => query.includes('INSERT INTO "idempotency_record"'))).toHaveLength(3);
    expect(await connectionsByProcess(database)).toEqual({ p0: 1, p1: 1, p2: 1, p3: 1 });

    // Another query of the same pool does not wait for them: the gate is still closed.
    for (const worker of processes.all) {
      worker.send({ type: "ask" });
      expect(await worker.waitFor("asked")).toEqual({ type: "asked", orders: 0 });
    }
    expect(Object.values(await connectionsByProcess(database)).every((n) => n <= 2)).toBe(true);

    await held.open();
    const { answers, failures, unseen } = await processes.answers();
    expect(failures).toEqual([]);
    expect([answers.length, executed(answers).length, ordersNamed(answers).size]).toEqual([4 * EACH, 1, 1]);
    expect(unseen).toBe(0);
    expect(await ordersOf(database, "k")).toEqual([
      { orderId: answers[0]?.orderId, by: executed(answers)[0]?.by },
    ]);
    expect(await database.query(`SELECT balance FROM "Account" WHERE id = 'gate'`)).toEqual([{ balance: 1 }]);
    expect(await inconsistencies(database)).toEqual([]);
  });

  test(`10 of each of ${KEYS} keys: all are kept, and the answers of each key are equal and committed`, async () => {
    await using database = await openPostgres();
    await using processes = await startProcesses(database, 4, { max: 5 });
    const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
    // 3 + 3 + 2 + 2 duplicates; each process goes through the keys from another end.
    await processes.burst((index) => ({
      keys: index % 2 === 0 ? keys : keys.toReversed(),
      each: index < 2 ? 3 : 2,
    }));
    const { answers, failures, unseen } = await processes.answers();
    expect(failures).toEqual([]);
    expect(unseen).toBe(0);
    const grouped = byKey(answers);
    expect([...grouped.keys()].sort()).toEqual(keys.sort());
    for (const [key, ofKey] of grouped) {
      expect([key, ofKey.length, executed(ofKey).length, ordersNamed(ofKey).size]).toEqual([key, 10, 1, 1]);
    }
    expect(await database.countOrders()).toBe(KEYS);
    expect(new Set(executed(answers).map(({ by }) => by)).size).toBeGreaterThan(1);
    expect(await inconsistencies(database)).toEqual([]);
  });
});

/** Owner and duplicates behind a proxy, in one process; and another process that reaches the database directly. */
async function openBehindProxy() {
  const database = await openPostgres();
  const proxy = await openProxy(database.url);
  const shop = openShop({ prisma: await database.connect({ url: proxy.url }), by: "owner", run: patient });
  const other = openShop({ prisma: await database.connect(), by: "other", run: patient });
  const answered: string[] = [];
  const place = async (who: string, { place: placeOrder }: typeof shop) => {
    const answer = await placeOrder("k");
    answered.push(who);
    return answer;
  };
  return {
    database,
    proxy,
    answered,
    start: () => [place("owner", shop), place("waiter", shop), place("waiter", shop)],
    startOther: () => place("other", other),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

describe.runIf(onPostgres)("an answer", () => {
  test("is given to nobody while COMMIT has not reached the database", async () => {
    await using setup = await openBehindProxy();
    const hold = setup.proxy.intercept(COMMIT, "before");
    const mine = setup.start();
    await hold.reached;
    const others = setup.startOther();
    await setup.database.waitForBlockedBackend();
    expect(await setup.database.countOrders()).toBe(0);
    expect(setup.answered).toEqual([]);
    hold.release();
    const answers = await Promise.all([...mine, others]);
    expect(executed(answers).map(({ by }) => by)).toEqual(["owner"]);
    expect([ordersNamed(answers).size, await setup.database.countOrders()]).toEqual([1, 1]);
  });

  test("is given to the owner and its waiters only once COMMIT is answered; other processes see it before", async () => {
    await using setup = await openBehindProxy();
    const hold = setup.proxy.intercept(COMMIT, "answered");
    const mine = setup.start();
    await hold.reached;
    const others = await setup.startOther();
    expect(others.replayed).toBe(true);
    expect(setup.answered).toEqual(["other"]);
    hold.release();
    const answers = [...(await Promise.all(mine)), others];
    expect([executed(answers).length, ordersNamed(answers).size]).toEqual([1, 1]);
    expect(await setup.database.countOrders()).toBe(1);
  });

  test("waits for a COMMIT that takes longer than the transaction may: nobody is told it failed", async () => {
    await using setup = await openBehindProxy();
    const shop = openShop({
      prisma: await setup.database.connect({ url: setup.proxy.url }),
      by: "slow",
      run: { waitMs: 60_000, transaction: { timeoutMs: 1_000 } },
    });
    const hold = setup.proxy.intercept(COMMIT, "before");
    const committing = shop.place("slow");
    await hold.reached;
    // The lock bound of a claim (1 s) comes on top of the limit: at the third time-out of a duplicate both are over.
    const timeouts = gate();
    let seen = 0;
    const duplicate = openShop({
      prisma: await setup.database.connect(),
      by: "duplicate",
      onFault: (fault) => {
        seen += fault === "lock_timeout" ? 1 : 0;
        if (seen === 3) timeouts.open();
      },
    });
    const waiting = duplicate.place("slow");
    await timeouts.opened;
    hold.release();
    const [a, b] = await Promise.all([committing, waiting]);
    expect([a.replayed, b.replayed, b.orderId]).toEqual([false, true, a.orderId]);
    expect(await setup.database.countOrders()).toBe(1);
  });
});
