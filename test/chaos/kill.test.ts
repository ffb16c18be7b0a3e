import { describe, expect, test } from "vitest";
import { CRASH_POINTS } from "../support/crash-points.ts";
import {
  databases,
  type LockingDatabase,
  onPostgres,
  openPostgres,
  type TestDatabase,
} from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { type Answer, inconsistencies, openShop, ordersOf } from "../support/shop.ts";
import { renamed, startShop } from "../support/shop-worker.ts";
import { COMMIT, openProxy, type TcpProxy } from "../support/tcp-proxy.ts";

function startVictim({ provider, url }: TestDatabase, { through = url, run = {} } = {}) {
  const target = { provider, url: through };
  return startShop({ by: "victim", target: { provider, url: renamed(target, "victim") }, run });
}

/** One execution in total, and `answer` tells whose it is. */
async function expectOneExecution(database: TestDatabase, { orderId, by, replayed }: Answer) {
  expect(await ordersOf(database, "k")).toEqual([{ orderId, by }]);
  expect([by, replayed]).toEqual(replayed ? ["victim", true] : ["heir", false]);
  expect(await inconsistencies(database)).toEqual([]);
  if (database.provider === "postgresql") {
    // With its session its locks are gone.
    const sessions = () =>
      database.query("SELECT state, query FROM pg_stat_activity WHERE application_name = 'victim'");
    await expect.poll(sessions).toEqual([]);
  }
}

describe.each(databases)("a process killed on $name", ({ name, open }) => {
  test.each(CRASH_POINTS)("%s: the retry in another process gives one execution's answer", async (point) => {
    await using database = await open();
    await using victim = await startVictim(database);
    victim.send({ type: "place", key: "k", stopAt: point });
    await victim.waitFor("at");
    await victim.kill();
    const answer = await openShop({ prisma: database.prisma, by: "heir" }).place("k");
    expect(answer.replayed).toBe(point === "after COMMIT");
    await expectOneExecution(database, answer);
  });

  test.each(["after the claim", "in the handler", "before the outcome is stored"] as const)(
    "%s, with a duplicate already waiting for its lock: the duplicate takes over and answers",
    async (point) => {
      await using database = await open();
      await using victim = await startVictim(database);
      victim.send({ type: "place", key: "k", stopAt: point });
      await victim.waitFor("at");
      const turnedAway = gate();
      const onFault = () => turnedAway.open();
      const waiting = openShop({ prisma: database.prisma, by: "heir", onFault }).place("k");
      // SQLite has no queue of waiters: a duplicate is turned away and comes again.
      if (name === "sqlite") await turnedAway.opened;
      else if (name === "mariadb") await (database as LockingDatabase).waitForBlockedBackend();
      else await expect.poll(() => blockedBackends(database)).toBe(1);
      expect(await database.countOrders()).toBe(0);
      await victim.kill();
      const answer = await waiting;
      expect(answer.replayed).toBe(false);
      await expectOneExecution(database, answer);
    },
  );
});

async function blockedBackends(database: TestDatabase): Promise<number> {
  const [row] = await database.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0`,
  );
  return Number(row?.["n"]);
}

describe.runIf(onPostgres)("a process killed in COMMIT", () => {
  async function killAt(when: Parameters<TcpProxy["intercept"]>[1]) {
    const database = await openPostgres();
    const proxy = await openProxy(database.url);
    const victim = await startVictim(database, { through: proxy.url });
    const hold = proxy.intercept(COMMIT, when);
    victim.send({ type: "place", key: "k" });
    await hold.reached;
    const heir = openShop({ prisma: database.prisma, by: "heir" });
    return {
      database,
      victim,
      heir,
      async [Symbol.asyncDispose]() {
        await victim.kill();
        await proxy[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  }

  test("before the database heard of it: the blocked duplicate executes", async () => {
    await using setup = await killAt("before");
    const waiting = setup.heir.place("k");
    await setup.database.waitForBlockedBackend();
    await setup.victim.kill();
    const answer = await waiting;
    expect(answer.replayed).toBe(false);
    await expectOneExecution(setup.database, answer);
  });

  test("while the database works on it: the retry answers as the database decided", async () => {
    await using setup = await killAt("after");
    await setup.victim.kill();
    const answer = await setup.heir.place("k");
    expect(await setup.database.countOrders()).toBe(1);
    await expectOneExecution(setup.database, answer);
  });

  test("after the database did it: the retry is a replay", async () => {
    await using setup = await killAt("answered");
    await setup.victim.kill();
    const answer = await setup.heir.place("k");
    expect(answer.replayed).toBe(true);
    await expectOneExecution(setup.database, answer);
  });
});
