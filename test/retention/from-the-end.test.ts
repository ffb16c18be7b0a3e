import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { LeaseContext } from "../../src/core/contract/idempotency.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { selectedProviders } from "../support/providers.ts";
import { door, expire, idempotencyOf, placing, records, request } from "../support/runs.ts";
import { startShop } from "../support/shop-worker.ts";

const DAY = 24 * 60 * 60 * 1_000;
const HOUR = 60 * 60 * 1_000;

/** How long after another of its times the only record expires, in milliseconds. */
async function keptMs(db: TestDatabase, after: "created_at" | "completed_at" | "locked_until") {
  const [row] = await records(db);
  return Number(new Date(String(row?.["expires_at"]))) - Number(new Date(String(row?.[after])));
}

describe.each(databases)("retention on $name counts from the end of a run", ({ open }) => {
  test("in a transaction: a duplicate in another process that waited for longer than that gets the replay", async () => {
    await using db = await open();
    const target = { provider: db.provider, url: db.url };
    const run = { retentionMs: 1, waitMs: 60_000, transaction: { maxWaitMs: 60_000, timeoutMs: 60_000 } };
    const first = await startShop({ target, by: "first", run });
    try {
      first.send({ type: "place", key: "k", stopAt: "before the outcome is stored" });
      await first.waitFor("at");
      let sent = 0;
      const waiting = await db.connect({ log: () => (sent += 1), busyTimeoutMs: 50 });
      const second = idempotencyOf(waiting, run).run(request("k"), async () => "again");
      await expect.poll(() => sent).toBeGreaterThan(0);
      first.send({ type: "go" });
      const { orderId, by } = (await first.waitFor("answer")).answer;
      expect(await second).toEqual({ value: { orderId, by }, replayed: true });
      expect(await db.countOrders()).toBe(1);
    } finally {
      await first.kill();
    }
  });

  test.each(["completed", "failed"])(
    "with a lease: a duplicate elsewhere that has waited gets what is %s when the record of the claim would be over",
    async (status) => {
      await using db = await open();
      const options = { waitMs: 60_000, storeError: () => true };
      const idempotency = idempotencyOf(db.prisma, options);
      let polls = 0;
      const elsewhere = idempotencyOf(await db.connect({ log: () => (polls += 1) }), options);
      const { wait, arrived, open: openDoor } = door();
      const work = async (_: LeaseContext<unknown>) => {
        await wait();
        if (status === "failed") throw new Error("sold out");
        return "done";
      };
      const first = idempotency.runLeasedSettled(request("k"), work);
      await arrived;
      // As a claim would have left it that was made a day ago.
      await expire(db);
      const second = elsewhere.runLeasedSettled(request("k"), async () => "again");
      await expect.poll(() => polls).toBeGreaterThan(0);
      openDoor();
      expect(await first).toMatchObject({ status, replayed: false });
      expect(await second).toMatchObject({ status, replayed: true });
      expect(await keptMs(db, "completed_at")).toBeGreaterThanOrEqual(DAY - 1);
    },
  );

  test("so a heartbeat keeps a record beyond its lease, and an attempt that failed leaves it for as long again", async () => {
    await using db = await open();
    const lease = { leaseMs: 900, transaction: { timeoutMs: 900 }, retentionMs: HOUR };
    const idempotency = idempotencyOf(db.prisma, lease);
    const failing = idempotency.runLeased(request("k"), async ({ step }) => {
      await step("charge", () => "paid");
      await expire(db);
      await expect.poll(() => keptMs(db, "locked_until")).toBeGreaterThanOrEqual(HOUR - 1);
      throw new Error("crashed");
    });
    await expect(failing).rejects.toThrow("crashed");
    // What completers leave it alone for comes first.
    expect(await keptMs(db, "locked_until")).toBeGreaterThanOrEqual(HOUR - 1);
    const again = await idempotency.runLeased(request("k"), ({ step }) => step("charge", () => "paid twice"));
    expect(again).toEqual({ value: "paid", replayed: false });
  });

  test.each([
    { whose: "of the run", given: 8_000, own: undefined, timeoutMs: 8_000 },
    { whose: "of the client", given: undefined, own: 7_000, timeoutMs: 7_000 },
    { whose: "of Prisma", given: undefined, own: undefined, timeoutMs: 5_000 },
  ])("whose transaction took all of the time-out $whose", async ({ given, own, timeoutMs }) => {
    await using db = await open();
    const engineConfig: unknown = Reflect.get(db.prisma, "_engineConfig");
    if (own !== undefined)
      Object.assign(engineConfig as object, { transactionOptions: { timeout: own, maxWait: 9_000 } });
    const idempotency = createIdempotency({
      prisma: db.prisma,
      retentionMs: HOUR,
      ...(given === undefined ? {} : { transaction: { timeoutMs: given } }),
    });
    await idempotency.run(request("k"), placing("k"));
    expect(await keptMs(db, "created_at")).toBeGreaterThanOrEqual(HOUR + timeoutMs);
    expect(await keptMs(db, "created_at")).toBeLessThanOrEqual(HOUR + timeoutMs + 2_001);
  });
});

describe.runIf(selectedProviders().includes("sqlite"))("what an abandoned run is kept for", () => {
  test("is the retention after the lease that a completer has taken", async () => {
    await using db = await openSqlite();
    const idempotency = idempotencyOf(db.prisma, { storeInput: true, retentionMs: HOUR });
    const failing = idempotency.runLeased(request("k"), () => Promise.reject(new Error("crashed")));
    await expect(failing).rejects.toThrow("crashed");
    await db.query("UPDATE idempotency_record SET locked_until = '2000-01-01T00:00:00.000+00:00'");
    expect(await idempotency.abandoned.claim(["orders.place"])).toBeDefined();
    expect(await keptMs(db, "locked_until")).toBeGreaterThanOrEqual(HOUR - 1);
  });
});

describe.each(databases)(
  "a leased run with a retention shorter than a look at its lease, on $name,",
  ({ open }) => {
    test("is replayed for a duplicate that has waited in another process", async () => {
      await using db = await open();
      const leased = (client: typeof db.prisma) =>
        createIdempotency({ prisma: client, retentionMs: 50, transaction: { timeoutMs: 10_000 } });
      let runs = 0;
      const begun = door();
      const first = leased(db.prisma).runLeased(request("k"), async () => {
        begun.open();
        await begun.wait();
        // Long enough for the pauses between two looks to have grown.
        await sleep(1_500);
        return (runs += 1);
      });
      await begun.arrived;
      const second = leased(await db.connect()).runLeased(request("k"), async () => (runs += 1));
      expect([(await first).replayed, (await second).replayed, runs]).toEqual([false, true, 1]);
    });
  },
);
