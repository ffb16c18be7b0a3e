import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { scaled } from "../support/scale.ts";
import { inconsistencies, openShop } from "../support/shop.ts";
import { byKey, executed, ordersNamed, startProcesses } from "./processes.ts";

const KEYS = scaled({ short: 4, long: 60 });

describe.each(databases)("records on $name that handlers have committed in progress", ({ open }) => {
  test(`are taken over once each, by two processes with 10 of each of ${KEYS} keys, and no run under way is`, async () => {
    await using database = await open();
    const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
    const shop = openShop({ prisma: database.prisma, by: "before" });
    // The others are fresh.
    for (const key of keys.filter((_, index) => index % 2 === 0)) await shop.place(key);
    await database.query("UPDATE idempotency_record SET status = 'in_progress', response = NULL");
    await database.query('DELETE FROM "Order"');
    await database.query('DELETE FROM "Account"');
    await using processes = await startProcesses(
      database,
      2,
      database.provider === "sqlite" ? {} : { max: 3 },
    );
    await processes.burst((index) => ({ keys: index === 0 ? keys : keys.toReversed(), each: 5 }));
    const { answers, failures, unseen } = await processes.answers();
    expect([failures, unseen]).toEqual([[], 0]);
    for (const [key, ofKey] of byKey(answers)) {
      expect([key, ofKey.length, executed(ofKey).length, ordersNamed(ofKey).size]).toEqual([key, 10, 1, 1]);
    }
    expect(await database.countOrders()).toBe(KEYS);
    expect(await inconsistencies(database)).toEqual([]);
    const attempts = await database.query("SELECT attempt FROM idempotency_record ORDER BY 1");
    expect(attempts.map(({ attempt }) => Number(attempt))).toEqual(
      keys.map((_, n) => (n < KEYS / 2 ? 1 : 2)),
    );
  });
});
