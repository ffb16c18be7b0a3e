import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { door, failureOf, idempotencyOf, placing, records, request, underWay } from "../support/runs.ts";

/** Longer than any test. */
const NEVER = 600_000;

const times = <T>(count: number, work: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => work(index));

describe.each(databases)("duplicates in one process on $name", ({ open }) => {
  test("are 100 and execute once; all get the same answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k", () => sleep(50));
    const ends = await Promise.all(times(100, () => idempotency.run(request("k"), place)));
    expect(new Set(ends.map(({ value }) => value.id)).size).toBe(1);
    expect(ends.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test.each(["wait", "reject"] as const)(
    "with another input are refused at once, while the first is under way (%s)",
    async (onDuplicate) => {
      await using db = await open();
      const idempotency = idempotencyOf(db.prisma, { onDuplicate, waitMs: NEVER, leaseMs: NEVER });
      for (const mode of ["run", "runLeased"] as const) {
        const { wait, arrived, open: openDoor } = door();
        const first = idempotency[mode](request(mode, { input: 1 }), wait);
        // This one comes before the claim is made, and has to be told.
        const early =
          onDuplicate === "wait" && failureOf(idempotency[mode](request(mode, { input: 2 }), async () => {}));
        await arrived;
        const late = failureOf(idempotency[mode](request(mode, { input: 3 }), async () => {}));
        expect(await late).toMatchObject({ code: "KEY_REUSED", retryable: false });
        if (early !== false) expect(await early).toMatchObject({ code: "KEY_REUSED" });
        openDoor();
        await first;
      }
    },
  );

  test("of a finished record get it, though one with another input came first", async () => {
    await using db = await open();
    const place = placing("k");
    await idempotencyOf(db.prisma).run(request("k", { input: 1 }), place);
    // Has not seen the record: the first must look it up, and the second waits for that.
    const idempotency = idempotencyOf(db.prisma);
    const other = failureOf(idempotency.run(request("k", { input: 2 }), place));
    const replay = idempotency.run(request("k", { input: 1 }), place);
    expect((await other).code).toBe("KEY_REUSED");
    expect(await replay).toMatchObject({ replayed: true });
    expect(place.runs).toBe(1);
  });

  test("with another input may execute once the first has left nothing", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { retryConflicts: 1 });
    const { wait, arrived, open: openDoor } = door();
    const first = idempotency.run(request("k", { input: 1 }), async () => {
      await wait();
      throw new Error("no");
    });
    await arrived;
    openDoor();
    await expect(first).rejects.toThrow("no");
    expect(await idempotency.run(request("k", { input: 2 }), placing("k"))).toMatchObject({
      replayed: false,
    });
  });

  test("of several keys each execute once", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { transaction: { maxWaitMs: 20_000 } });
    const handlers = times(8, (index) => placing(`k${index}`));
    const ends = await Promise.all(
      times(64, (index) =>
        idempotency.run(request(`k${index % 8}`), handlers[index % 8] as (typeof handlers)[0]),
      ),
    );
    expect(new Set(ends.map(({ value }) => value.id)).size).toBe(8);
    expect(handlers.map(({ runs }) => runs)).toEqual(times(8, () => 1));
    expect(await db.countOrders()).toBe(8);
  });

  test("take over one after the other when the owner releases", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    let runs = 0;
    const place = placing("k");
    const ends = await Promise.allSettled(
      times(5, () =>
        idempotency.run(request("k"), async (context) => {
          runs += 1;
          const order = await place(context);
          await sleep(10);
          if (runs < 3) throw new Error(`attempt ${runs}`);
          return order;
        }),
      ),
    );
    expect(ends.filter(({ status }) => status === "rejected")).toHaveLength(2);
    expect(runs).toBe(3);
    expect(await db.countOrders()).toBe(1);
  });

  test("that may not wait get IN_PROGRESS while the first is under way, with a time to retry at", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, {
      onDuplicate: "reject",
      waitMs: NEVER,
      transaction: { timeoutMs: NEVER },
    });
    const { first, openDoor } = await underWay(idempotency);
    const error = await failureOf(idempotency.run(request("k"), placing("k")));
    expect(error).toMatchObject({ code: "IN_PROGRESS", retryable: true, retryAfterMs: 1_000 });
    openDoor();
    await first;
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(true);
  });

  test("get IN_PROGRESS when their own waitMs is over, no sooner, while others go on waiting", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { transaction: { timeoutMs: NEVER } });
    const { first, openDoor } = await underWay(idempotency);
    const other = idempotency.run(request("k", { waitMs: NEVER }), placing("k"));
    const start = performance.now();
    const error = await failureOf(idempotency.run(request("k", { waitMs: 150 }), placing("k")));
    const waited = performance.now() - start;
    expect(error).toMatchObject({ code: "IN_PROGRESS", retryable: true, retryAfterMs: 1_000 });
    expect(error.message).toContain("within 150 ms");
    expect(waited).toBeGreaterThanOrEqual(145);
    openDoor();
    expect((await first).replayed).toBe(false);
    expect((await other).replayed).toBe(true);
  });

  test("beyond waitersMax get IN_PROGRESS while the first is under way, the others the answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, {
      waitersMax: 3,
      waitMs: NEVER,
      transaction: { timeoutMs: NEVER },
    });
    const { place, first, openDoor } = await underWay(idempotency);
    const refused: unknown[] = [];
    const waiters = times(8, () =>
      idempotency.run(request("k"), place).catch((error: { code?: string }) => {
        refused.push(error.code);
        return undefined;
      }),
    );
    await expect.poll(() => refused).toEqual(times(5, () => "IN_PROGRESS"));
    openDoor();
    const ends = (await Promise.all([first, ...waiters])).flatMap((end) => end?.replayed ?? []);
    expect(ends).toEqual([false, true, true, true]);
    expect(place.runs).toBe(1);
  });

  test.each([
    ["of one scope beyond scopeWaitersMax", { scopeWaitersMax: 3 }, ["u", "u", "u", "u", "u", "v", "v"], 2],
    ["beyond allWaitersMax", { allWaitersMax: 4 }, ["u", "v", "u", "v", "u", "v"], 2],
  ])("%s get IN_PROGRESS, whatever their keys, and others wait", async (_, limits, scopes, refusals) => {
    await using db = await open();
    const long = { waitMs: NEVER, leaseMs: NEVER, transaction: { timeoutMs: NEVER } };
    const idempotency = idempotencyOf(db.prisma, { ...long, ...limits });
    const doors = times(2, () => door());
    const first = doors.flatMap(({ wait }, n) =>
      ["u", "v"].map((scope) => idempotency.runLeased(request(`k${n}`, { scope }), wait)),
    );
    await Promise.all(doors.map(({ arrived }) => arrived));
    const refused: unknown[] = [];
    const waiters = scopes.map((scope, n) =>
      idempotency
        .runLeased(request(`k${n % 2}`, { scope }), () => expect.fail())
        .catch((error: Error) => {
          refused.push((error as { code?: string }).code);
        }),
    );
    await expect.poll(() => refused).toEqual(times(refusals, () => "IN_PROGRESS"));
    for (const each of doors) each.open();
    const ends = await Promise.all(waiters);
    expect(ends.filter((end) => end?.replayed)).toHaveLength(scopes.length - refusals);
    await Promise.all(first);
    // Nobody counts who no longer waits.
    const { wait, arrived, open: openDoor } = door();
    const again = idempotency.runLeased(request("again"), wait);
    await arrived;
    const waiter = idempotency.runLeased(request("again"), () => expect.fail());
    openDoor();
    expect(await Promise.all([again, waiter])).toMatchObject([{ replayed: false }, { replayed: true }]);
  });

  test("wait for the one under way in memory: no statement of theirs reaches the database", async () => {
    await using db = await open();
    const statements: string[] = [];
    const client = await db.connect({ log: (text) => statements.push(text) });
    const idempotency = idempotencyOf(client);
    await idempotency.run(request("alone"), placing("alone"));
    const alone = statements.splice(0);
    const { first, openDoor } = await underWay(idempotency);
    const waiters = times(50, () => idempotency.run(request("k"), placing("k")));
    openDoor();
    const ends = await Promise.all([first, ...waiters]);
    expect(new Set(ends.map(({ value }) => value.id)).size).toBe(1);
    // Asked once.
    expect(statements).toEqual(alone.filter((text) => !text.startsWith("SHOW VARIABLES")));
    expect(await records(db)).toHaveLength(2);
  });
});

describe.runIf(onPostgres)("duplicates in one process and its pool", () => {
  test("hold no connection while 100 wait: the owner's is the only busy one, and a query does not wait for them", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 2 });
    const idempotency = idempotencyOf(client, { waitersMax: 100, transaction: { timeoutMs: NEVER } });
    const { place, first, openDoor } = await underWay(idempotency);
    const waiters = times(100, () => idempotency.run(request("k"), place));
    // One too many: so the others wait.
    const tooMany = await failureOf(idempotency.run(request("k"), place));
    expect(tooMany.code).toBe("IN_PROGRESS");
    const busy = await db.query(
      `SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND backend_type = 'client backend' AND state <> 'idle'`,
    );
    expect(busy).toEqual([{ state: "idle in transaction" }]);
    await client.order.count();
    openDoor();
    const ends = await Promise.all([first, ...waiters]);
    expect(ends.filter(({ replayed }) => replayed)).toHaveLength(100);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });
});
