import { describe, expect, test } from "vitest";
import { databases, type TestDatabase } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { gate } from "../support/gate.ts";
import { inconsistencies, openShop, ordersOf, writeOrder } from "../support/shop.ts";
import { startShop } from "../support/shop-worker.ts";

/** How a duplicate is refused that waits in vain: SQLite cannot tell whose lock it is. */
const refusal = ({ provider }: TestDatabase) => ({
  code: provider === "sqlite" ? "STORE_UNAVAILABLE" : "IN_PROGRESS",
  retryable: true,
});

/** Enough for a handler to begin on a busy machine. */
const brief = { timeoutMs: 2_000 };
const REQUEST = { operation: "orders.place", scope: "u", key: "k" };

describe.concurrent.each(databases)("a handler that outlives its transaction on $name", ({ open }) => {
  test("writes on in vain: meanwhile a duplicate executes, once", async () => {
    await using database = await open();
    const inside = gate();
    const heirAnswered = gate();
    const late: unknown[] = [];
    const zombie = openShop({ prisma: database.prisma, by: "zombie", run: { transaction: brief } });
    const undead = zombie.place("k", {
      last: async (tx) => {
        inside.open();
        await heirAnswered.opened;
        late.push(await writeOrder(tx, "late", "zombie").catch((error: unknown) => error));
      },
    });
    const outcome = undead.catch((error: unknown) => error);
    await inside.opened;
    const heir = openShop({ prisma: await database.connect(), by: "heir" });
    const answer = await heir.place("k");
    expect(answer).toMatchObject({ by: "heir", replayed: false });
    heirAnswered.open();
    expect(await outcome).toMatchObject({ code: "P2028" });
    await eventually(() => expect(late).toEqual([expect.objectContaining({ code: "P2028" })]));
    expect(await database.countOrders()).toBe(1);
    expect(await zombie.place("k")).toEqual({ ...answer, replayed: true });
    expect(await inconsistencies(database)).toEqual([]);
  });

  test("keeps its duplicates of the same process waiting until its time is over; then one of them executes", async () => {
    await using database = await open();
    const inside = gate();
    const end = gate();
    const shop = openShop({ prisma: database.prisma, by: "zombie", run: { transaction: brief } });
    let runs = 0;
    const place = () =>
      shop.place("k", {
        last: async (tx) => {
          runs += 1;
          if (runs > 1) return;
          inside.open();
          await end.opened;
          await writeOrder(tx, "late", "zombie");
        },
      });
    const undead = place().catch((error: unknown) => error);
    await inside.opened;
    const waiting = [place(), place()];
    expect(await undead).toMatchObject({ code: "P2028" });
    expect((await Promise.all(waiting)).filter(({ replayed }) => !replayed)).toHaveLength(1);
    end.open();
    expect([runs, (await ordersOf(database, "k")).length, await database.countOrders()]).toEqual([2, 1, 1]);
  });

  test("and finishes, forgetting a write that is still to come, writes it nowhere", async () => {
    await using database = await open();
    const answered = gate();
    const shop = openShop({ prisma: database.prisma, by: "owner" });
    let forgotten: Promise<unknown> = Promise.resolve();
    await shop.place("k", {
      last: async (tx) => {
        forgotten = answered.opened
          .then(() => writeOrder(tx, "late", "owner"))
          .catch((error: unknown) => error);
      },
    });
    answered.open();
    expect(await forgotten).toBeInstanceOf(Error);
    expect(await database.countOrders()).toBe(1);
    expect(await inconsistencies(database)).toEqual([]);
  });

  test("finds its claim taken over: CLAIM_LOST, nothing of it is committed", async () => {
    await using database = await open();
    const shop = openShop({ prisma: database.prisma, by: "fenced" });
    const fenced = shop.place("k", {
      last: (tx) => tx.$executeRawUnsafe("UPDATE idempotency_record SET owner = 'another'"),
    });
    await expect(fenced).rejects.toMatchObject({ code: "CLAIM_LOST", retryable: true });
    expect(await database.countOrders()).toBe(0);
    expect(await shop.idempotency.run(REQUEST, async () => "next")).toEqual({
      value: "next",
      replayed: false,
    });
  });
});

describe.concurrent.each(databases)("an owner process that is stopped on $name", ({ name, open }) => {
  test("keeps duplicates out, who are told to come back; when it goes on, it has executed once", async () => {
    await using database = await open();
    await using owner = await startShop({ target: { provider: name, url: database.url }, by: "owner" });
    owner.send({ type: "place", key: "k", stopAt: "in the handler" });
    await owner.waitFor("at");
    process.kill(owner.pid, "SIGSTOP");
    const duplicate = openShop({ prisma: database.prisma, by: "duplicate" });
    const start = performance.now();
    await expect(duplicate.place("k", { waitMs: 300 })).rejects.toMatchObject(refusal(database));
    expect(performance.now() - start).toBeGreaterThanOrEqual(295);
    expect(await database.countOrders()).toBe(0);
    const waiting = duplicate.place("k", { waitMs: 30_000 });
    process.kill(owner.pid, "SIGCONT");
    owner.send({ type: "go" });
    const { answer } = await owner.waitFor("answer");
    expect(answer).toMatchObject({ by: "owner", replayed: false });
    expect(await waiting).toEqual({ ...answer, replayed: true });
    expect(await database.countOrders()).toBe(1);
  });

  test("for longer than its transaction may take has executed once too, or another has", async () => {
    await using database = await open();
    const target = { provider: name, url: database.url };
    await using owner = await startShop({ target, by: "owner", run: { transaction: brief } });
    owner.send({ type: "place", key: "k", stopAt: "in the handler" });
    await owner.waitFor("at");
    process.kill(owner.pid, "SIGSTOP");
    const duplicate = openShop({ prisma: database.prisma, by: "duplicate" });
    // Longer than the time of the owner and the second that its claim was granted.
    await expect(duplicate.place("k", { waitMs: 3_500 })).rejects.toMatchObject(refusal(database));
    process.kill(owner.pid, "SIGCONT");
    owner.send({ type: "go" });
    const told = await Promise.race([owner.waitFor("answer"), owner.waitFor("failed")]);
    const { orderId, by, replayed } = await duplicate.place("k");
    // Whoever was told of success has the row.
    expect(by).toBe(told.type === "answer" ? "owner" : "duplicate");
    expect(await ordersOf(database, "k")).toEqual([{ orderId, by }]);
    expect(replayed).toBe(by === "owner");
    expect(await inconsistencies(database)).toEqual([]);
  });
});
