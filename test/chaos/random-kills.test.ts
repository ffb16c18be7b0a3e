import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { patient } from "../races/processes.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { type Answer, inconsistencies, openShop, ordersOf } from "../support/shop.ts";
import { type ShopWorker, startShop } from "../support/shop-worker.ts";
import { type Random, ROUNDS, SEED, seeded } from "./seeded.ts";

const LANES = 2;
const KILLS_PER_LANE = 12 * ROUNDS;
const BUDGET_MS = 25_000 * ROUNDS;

const keysOfWindow = (window: number) => Array.from({ length: 30 }, (_, index) => `k${window * 15 + index}`);

/** What a process told its clients before it was killed. */
interface Told {
  answers: Answer[];
  failures: string[];
}

async function listen(worker: ShopWorker, told: Told): Promise<void> {
  const answers = async () => {
    for (;;) told.answers.push((await worker.waitFor("answer")).answer);
  };
  const failures = async () => {
    for (;;) told.failures.push((await worker.waitFor("failed")).failure);
  };
  await Promise.allSettled([answers(), failures()]);
}

/** One process after the other under load, each killed at a random moment. Both lanes want the same keys. */
async function killInSequence(database: TestDatabase, lane: number, random: Random, told: Told) {
  const until = performance.now() + BUDGET_MS;
  const target = { provider: database.provider, url: database.url };
  const start = (n: number) =>
    startShop({
      target,
      by: `p${lane}.${n}`,
      run: patient,
      client: { max: 6 },
    });
  let kills = 0;
  // How long a process lives at most. A slow machine takes longer to a first answer, and all would die before it.
  let lifeMs = 200;
  for (let next = start(0); ; ) {
    await using worker = await next;
    if (kills === KILLS_PER_LANE || performance.now() > until) return kills;
    const heard = listen(worker, told);
    worker.send({ type: "load", keys: random.shuffled(keysOfWindow(kills)), atOnce: 5 });
    next = start(kills + 1);
    const before = told.answers.length;
    await sleep(random.next() * lifeMs);
    await worker.kill();
    await heard;
    lifeMs *= told.answers.length > before ? 0.8 : 1.5;
    kills += 1;
  }
}

describe.each(databases)(
  "processes killed at random under load, on $name",
  { timeout: 120_000 * ROUNDS },
  ({ open }) => {
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
      const finals = new Map(
        await Promise.all(keys.map(async (key) => [key, await heir.place(key)] as const)),
      );
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
  },
);
