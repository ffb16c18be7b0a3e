import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { describe, expect, test } from "vitest";
import { openSqlite } from "../support/database.ts";
import { scaled } from "../support/scale.ts";
import { inconsistencies } from "../support/shop.ts";
import { byKey, executed, ordersNamed, startProcesses } from "./processes.ts";

const KEYS = scaled({ short: 5, long: 15 });

describe("duplicates in two processes on one SQLite file", () => {
  test(`20 of each of ${KEYS} keys: each key executes once, and its answers are equal and committed`, async () => {
    await using database = await openSqlite();
    await using processes = await startProcesses(database, 2, {});
    const keys = Array.from({ length: KEYS }, (_, index) => `k${index}`);
    await processes.burst((index) => ({ keys: index === 0 ? keys : keys.toReversed(), each: 10 }));
    const { answers, failures, unseen } = await processes.answers();
    expect(failures).toEqual([]);
    expect(unseen).toBe(0);
    const grouped = byKey(answers);
    for (const key of keys) {
      const ofKey = grouped.get(key) ?? [];
      expect([key, ofKey.length, executed(ofKey).length, ordersNamed(ofKey).size]).toEqual([key, 20, 1, 1]);
    }
    expect(await database.countOrders()).toBe(KEYS);
    expect(await inconsistencies(database)).toEqual([]);
  });

  test("a claim that finds the database busy is repeated until it is not", async () => {
    await using database = await openSqlite();
    await using processes = await startProcesses(database, 2, {});
    const holder = createClient({ url: `file:${fileURLToPath(database.url)}` });
    const lock = await holder.transaction("write");
    await processes.burst(() => ({ keys: ["k"], each: 5 }));
    // Both have been turned away more than once.
    for (const worker of [...processes.all, ...processes.all]) {
      expect(await worker.waitFor("fault")).toEqual({ type: "fault", fault: "write_conflict" });
    }
    await lock.commit();
    holder.close();
    const { answers, failures } = await processes.answers();
    expect(failures).toEqual([]);
    expect([answers.length, executed(answers).length, ordersNamed(answers).size]).toEqual([10, 1, 1]);
    expect(await database.countOrders()).toBe(1);
  });
});
