import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { patient } from "../races/processes.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { budget, times } from "../support/scale.ts";
import { type Answer, inconsistencies, openShop, ordersOf } from "../support/shop.ts";
import { type ShopWorker, startShop } from "../support/shop-worker.ts";
import { type Random, SEED, seeded } from "./seeded.ts";

const LANES = 2;
const KILLS_PER_LANE = times({ short: 3, long: 12 });
const BUDGET_MS = times({ short: 5_000, long: 25_000 });

const keysOfWindow = (window: number) => Array.from({ length: 30 }, (_, index) => `k${window * 15 + index}`);

/** What a process told its clients before it was killed. */
interface Told {
  answers: Answer[];
  failures: string[];
}

async function listen(worker: ShopWorker, told: Told, onAnswer: () => void): Promise<void> {
  const answers = async () => {
    for (;;) {
      told.answers.push((await worker.waitFor("answer")).answer);
      onAnswer();
    }
  };
  const failures = async () => {
    for (;;) told.failures.push((await worker.waitFor("failed")).failure);
  };
  await Promise.allSettled([answers(), failures()]);
}

/** One process after the other under load, each killed at a random moment. Both lanes want the same keys. */
async function killInSequence(database: TestDatabase, lane: number, random: Random, told: Told) {
  const goesOn = budget({ least: 2, most: KILLS_PER_LANE, ms: BUDGET_MS });
  const target = { provider: database.provider, url: database.url };
  const start = (n: number) =>
    startShop({
      target,
      by: `p${lane}.${n}`,
      run: patient,
      client: { max: 6 },
    });
  let kills = 0;
  for (let next = start(0); ; ) {
    await using worker = await next;
    if (!goesOn(kills)) return kills;
    const answered = gate();
    const heard = listen(worker, told, answered.open);
    worker.send({ type: "load", keys: random.shuffled(keysOfWindow(kills)), atOnce: 5 });
    next = start(kills + 1);
    // Half of them while they are busy answering, however slow the machine is.
    if (kills % 2 === 0) await answered.opened;
    await sleep(random.next() * 200);
    await worker.kill();
    await heard;
    kills += 1;
  }
}

describe.each(databases)("processes killed at random under load, on $name", ({ open }) => {
  test(`every acknowledged answer stands, and every key executes once (CHAOS_SEED=${SEED})`, async () => {
    await using database = await open();
    const told: Told = { answers: [], failures: [] };
    const lanes = Array.from({ length: LANES }, (_, lane) =>
      killInSequence(database, lane, seeded(SEED + lane), told),
    );
    const kills = await Promise.all(lanes);
    expect(Math.min(...kills)).toBeGreaterThan(0);
    expect(told.failures).toEqual([]);
    expect(told.answers.length).toBeGreaterThan(0);

    const before = await database.countOrders();
    const heir = openShop({ prisma: database.prisma, by: "heir", run: patient });
    const keys = [...new Set(Array.from({ length: Math.max(...kills) }, (_, n) => keysOfWindow(n)).flat())];
    const finals = new Map(await Promise.all(keys.map(async (key) => [key, await heir.place(key)] as const)));
    for (const { key, orderId, by } of told.answers) {
      expect(finals.get(key)).toEqual({ key, orderId, by, replayed: true });
    }
    for (const [key, { orderId, by, replayed }] of finals) {
      expect(await ordersOf(database, key)).toEqual([{ orderId, by }]);
      expect([key, by === "heir"]).toEqual([key, !replayed]);
    }
    expect([...finals.values()].filter(({ replayed }) => replayed)).toHaveLength(before);
    expect(await inconsistencies(database)).toEqual([]);
  });
});
