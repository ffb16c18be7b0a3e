/** What a leased run and a completer ask of a database that does not answer in time: nothing is left behind by what comes too late. */
import { describe, expect, it } from "vitest";
import { createCompleter } from "../../src/index.ts";
import { onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { gate } from "../support/gate.ts";
import { failureOf, idempotencyOf } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";
import { lapse, paying, recordOf } from "./helpers.ts";

const REQUEST = { operation: "work", key: "k", scope: "u" };

/** A client whose only connection is in use until `release()`. */
async function openFullPool(db: TestDatabase) {
  const prisma = await db.connect({ max: 1, maxWaitMs: 500 });
  const [held, free] = [gate(), gate()];
  const holding = prisma.$transaction(
    async (tx) => {
      await tx.order.count();
      held.open();
      await free.opened;
    },
    { timeout: 300_000, maxWait: 60_000 },
  );
  await held.opened;
  const release = async () => {
    free.open();
    await holding;
  };
  return { idempotency: idempotencyOf(prisma, { outageMs: 0, storeInput: true }), release };
}

describe.runIf(onPostgres)("behind a pool without a free connection", () => {
  it("a leased run is told in time, and its late claim is given back", async () => {
    await using db = await openPostgres();
    const { idempotency, release } = await openFullPool(db);
    let runs = 0;
    const work = async () => (runs += 1);
    const error = await failureOf(idempotency.runLeased(REQUEST, work));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(await recordOf(db, "k")).toEqual({});
    await release();
    // Claimed by nobody any more.
    await eventually(async () =>
      expect(await recordOf(db, "k")).toMatchObject({ status: "in_progress", owner: "" }),
    );
    expect(await idempotency.runLeased(REQUEST, work)).toEqual({ value: 1, replayed: false });
  });

  it("a completer is told in time, and leaves the run to the next one", async () => {
    await using db = await openPostgres();
    const work = { "orders.pay": async () => "done" };
    const abandoned = idempotencyOf(db.prisma, { storeInput: true });
    await abandoned
      .runLeased(paying("k", { input: 1 }), () => Promise.reject(new Error("crashed")))
      .catch(() => {});
    await lapse(db);
    const { idempotency, release } = await openFullPool(db);
    const error = await failureOf(createCompleter({ idempotency, handlers: work }).runOnce());
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    await release();
    // Claimed, and given back.
    await eventually(async () => expect(await recordOf(db, "k")).toMatchObject({ attempt: 2, owner: "" }));
    expect(await createCompleter({ idempotency: abandoned, handlers: work }).runOnce()).toBe(1);
    expect(await recordOf(db, "k")).toMatchObject({ attempt: 3, status: "completed" });
  });
});

describe.runIf(onPostgres)("a leased run of which one connection goes silent", () => {
  it.each([
    ["as it stores its result", /^UPDATE \S+ SET "?status"? = /],
    ["as it records a step", /^INSERT INTO \S*idempotency_step/],
    ["as it gives its lease back", /^UPDATE \S+ SET "?owner"? = ''/],
    ["as it reads its steps", /^SELECT [^]* FROM \S*idempotency_step/],
  ])("%s ends on another, and leaves its key to nobody", async (_, statement) => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const idempotency = idempotencyOf(await db.connect({ url: proxy.url, max: 4, maxWaitMs: 500 }));
    const silent = proxy.intercept(statement, "before");
    let charges = 0;
    const run = (fails: boolean) =>
      idempotency.runLeased(REQUEST, async ({ step }) => {
        await step("charge", () => (charges += 1));
        if (fails) throw new Error("a bug");
        return "done";
      });
    await expect(run(true)).rejects.toThrow("a bug");
    expect(await run(false)).toEqual({ value: "done", replayed: false });
    await silent.reached;
    silent.cut();
    expect([charges, await recordOf(db, "k")]).toMatchObject([1, { attempt: 2, status: "completed" }]);
  });
});

it.runIf(onPostgres)("a claim that is never answered is made again on another connection", async () => {
  await using db = await openPostgres();
  await using proxy = await openProxy(db.url);
  const idempotency = idempotencyOf(await db.connect({ url: proxy.url, max: 2, maxWaitMs: 500 }));
  await idempotency.runLeased({ ...REQUEST, key: "before" }, async () => 1);
  const claim = proxy.intercept(/^WITH bound AS/, "before");
  let runs = 0;
  const run = idempotency.runLeased(REQUEST, async () => (runs += 1));
  await claim.reached;
  expect(await run).toEqual({ value: 1, replayed: false });
  claim.cut();
});

it.runIf(onPostgres)(
  "a renewal that is never answered does not cost the lease: the next one goes by another connection",
  async () => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const prisma = await db.connect({ url: proxy.url, max: 2 });
    const LEASE_MS = 4_500;
    const idempotency = idempotencyOf(prisma, { leaseMs: LEASE_MS, transaction: { timeoutMs: LEASE_MS } });
    const isRenewal = /^UPDATE \S+ SET "?locked_until"? = /;
    const renewals = () => proxy.statements.filter((statement) => isRenewal.test(statement)).length;
    const { value } = await idempotency.runLeased(REQUEST, async ({ signal }) => {
      const silent = proxy.intercept(isRenewal, "before");
      await silent.reached;
      const claimedUntil = async () => Number((await recordOf(db, "k"))["locked_until"]);
      const until = await claimedUntil();
      await eventually(async () => expect(await claimedUntil()).toBeGreaterThan(until + LEASE_MS));
      expect(renewals()).toBeGreaterThan(1);
      silent.cut();
      return signal.aborted;
    });
    expect(value).toBe(false);
  },
);
