import { describe, expect, test } from "vitest";
import { patient } from "../races/processes.ts";
import { openSqlite } from "../support/database.ts";
import { times } from "../support/scale.ts";
import { inconsistencies, openShop, ordersOf } from "../support/shop.ts";
import { startShop } from "../support/shop-worker.ts";
import { SEED, seeded } from "./seeded.ts";

/** Occupies the thread: timers are too coarse for the time a COMMIT takes. */
function spin(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe("a process killed around COMMIT on sqlite", () => {
  test(`the retry answers as the file decided, on both sides of it (CHAOS_SEED=${SEED})`, async () => {
    await using database = await openSqlite();
    const target = { provider: database.provider, url: database.url };
    const random = seeded(SEED);
    const heir = openShop({ prisma: database.prisma, by: "heir", run: patient });
    const outcomes: boolean[] = [];
    const kills = times({ short: 8, long: 20 });
    const start = (n: number) => startShop({ target, by: `victim${n}` });
    let offsetMs = 1;
    const bothSides = () => new Set(outcomes).size === 2;
    // On a busy machine it takes more of them to draw near.
    for (let n = 0; n < kills || !bothSides(); n += 1) {
      await using victim = await start(n);
      victim.send({ type: "place", key: `k${n}`, stopAt: "before the outcome is stored" });
      await victim.waitFor("at");
      victim.send({ type: "go" });
      spin(offsetMs);
      await victim.kill();
      const { orderId, by, replayed } = await heir.place(`k${n}`);
      expect(await ordersOf(database, `k${n}`)).toEqual([{ orderId, by }]);
      expect(by).toBe(replayed ? `victim${n}` : "heir");
      outcomes.push(replayed);
      // Draws near to the moment of COMMIT, from both sides.
      offsetMs *= replayed ? 0.3 + 0.4 * random.next() : 1.5 + random.next();
    }
    expect(await inconsistencies(database)).toEqual([]);
  });
});
