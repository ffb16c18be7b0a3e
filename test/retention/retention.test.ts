import { describe, expect, test } from "vitest";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";

/** Moves a record's end by its database's clock; nothing here trusts the clock of Node. */
async function expireIn(db: TestDatabase, seconds: number, key = "%") {
  const sql =
    db.provider === "sqlite"
      ? "UPDATE idempotency_record SET expires_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ?1) WHERE key LIKE ?2"
      : "UPDATE idempotency_record SET expires_at = clock_timestamp() + $1::interval WHERE key LIKE $2";
  await db.query(sql, [`${seconds} seconds`, key]);
}

const keysOf = async (db: TestDatabase) => (await records(db)).map(({ key }) => key);

describe.each(databases)("retention on $name", ({ open }) => {
  test("ends by itself: a record is replayed for a time, then taken over as a new execution", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { retentionMs: 500, transaction: { timeoutMs: 500 } });
    const place = placing("k");
    const record = async () => (await db.prisma.idempotencyRecord.findMany())[0];
    const first = await idempotency.run(request("k"), place);
    const end = (await record())?.expiresAt;
    let last = first;
    const again = async () => {
      last = await idempotency.run(request("k"), place);
      return last.replayed ? last.value.id : "executed";
    };
    const replays: string[] = [];
    await expect.poll(async () => replays.push(await again()) && replays.at(-1)).toBe("executed");
    expect(new Set(replays.slice(0, -1))).toEqual(new Set([first.value.id]));
    // By the clock of the database, at which the record ended too.
    expect(Number((await record())?.createdAt)).toBeGreaterThanOrEqual(Number(end));
    expect(last.value.id).not.toBe(first.value.id);
    expect([place.runs, await db.countOrders()]).toEqual([2, 2]);
  });

  test("is settled by the claim: storing the result leaves the indexed column alone", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { retentionMs: 60_000 });
    let claimed: Awaited<ReturnType<typeof db.prisma.idempotencyRecord.findMany>> = [];
    await idempotency.run(request("k"), async ({ tx }) => {
      claimed = await tx.idempotencyRecord.findMany();
    });
    const [row] = await db.prisma.idempotencyRecord.findMany();
    expect(row?.expiresAt).toEqual(claimed[0]?.expiresAt);
    expect(row?.status).toBe("completed");
  });

  test("lets an expired record go with all it held: input, outcome, attempt and times", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    const fail = () => Promise.reject(new Error("old"));
    await idempotency.runSettled(request("k", { input: "old" }), fail);
    await db.prisma.idempotencyRecord.updateMany({ data: { attempt: 7 } });
    await expireIn(db, -1);
    const [old] = await db.prisma.idempotencyRecord.findMany();
    let seenAttempt = 0;
    const run = idempotency.run(request("k", { input: "new" }), async ({ attempt }) => {
      seenAttempt = attempt;
      return "new";
    });
    expect(await run).toEqual({ value: "new", replayed: false });
    expect(seenAttempt).toBe(1);
    const [row] = await db.prisma.idempotencyRecord.findMany();
    expect(row).toMatchObject({ id: old?.id, status: "completed", attempt: 1, response: 'devalue:["new"]' });
    expect(row?.fingerprint).not.toBe(old?.fingerprint);
    expect(Number(row?.expiresAt)).toBeGreaterThan(Date.now() + 80_000_000);
  });

  test("keeps an expired record when its new execution fails", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "old");
    await expireIn(db, -1);
    const before = await records(db);
    await expect(idempotency.run(request("k"), () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await records(db)).toEqual(before);
  });

  test("compares a record by the database's clock, to the second", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    await idempotency.run(request("k"), place);
    await expireIn(db, 5);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
    await expireIn(db, -1);
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
  });

  test("executes an expired key once, however many come at the same time", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => "old");
    await expireIn(db, -1);
    const place = placing("k");
    const ends = await Promise.all(Array.from({ length: 10 }, () => idempotency.run(request("k"), place)));
    expect(ends.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });
});

describe.each(databases)("prune on $name", ({ open }) => {
  const seed = async (db: TestDatabase, keys: string[]) => {
    const idempotency = idempotencyOf(db.prisma);
    for (const key of keys) await idempotency.run(request(key), async () => key);
    return idempotency;
  };

  test("deletes what has expired and nothing else", async () => {
    await using db = await open();
    const idempotency = await seed(db, ["old-1", "old-2", "young", "just"]);
    await expireIn(db, -1, "old-%");
    await expireIn(db, 5, "just");
    expect(await idempotency.prune()).toBe(2);
    expect(await keysOf(db)).toEqual(["just", "young"]);
    expect(await idempotency.prune()).toBe(0);
  });

  test.each([1, 2, 3, 5, 6, 100])(
    "deletes five records in batches of %d, and counts them",
    async (batchSize) => {
      await using db = await open();
      const idempotency = await seed(db, ["1", "2", "3", "4", "5", "young"]);
      await expireIn(db, -1, "_");
      const statements: string[] = [];
      const watched = idempotencyOf(await db.connect({ log: (text) => statements.push(text) }));
      expect(await watched.prune({ batchSize })).toBe(5);
      expect(
        statements.filter((text) => /DELETE FROM \S*idempotency_record|^SELECT .*SKIP LOCKED/.test(text)),
      ).toHaveLength(Math.floor(5 / batchSize) + 1);
      expect(await keysOf(db)).toEqual(["young"]);
      expect(await idempotency.prune()).toBe(0);
    },
  );

  test("stops after the batch under way when it is aborted", async () => {
    await using db = await open();
    const idempotency = await seed(db, ["1", "2", "3"]);
    await expireIn(db, -1);
    expect(await idempotency.prune({ batchSize: 1, signal: AbortSignal.abort() })).toBe(0);
    expect(await keysOf(db)).toHaveLength(3);
    let checks = 0;
    const signal = {
      get aborted() {
        return (checks += 1) > 2;
      },
    } as AbortSignal;
    expect(await idempotency.prune({ batchSize: 1, signal })).toBe(2);
    expect(await keysOf(db)).toHaveLength(1);
  });

  test("rests between batches, and not after the last", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["1", "2", "3"]) await idempotency.run(request(key), async () => key);
    await expireIn(db, -1);
    const begin = performance.now();
    expect(await idempotency.prune({ batchSize: 2, dutyCycle: 0.002 })).toBe(3);
    // One rest, after a batch of a tenth of a millisecond at least.
    expect(performance.now() - begin).toBeGreaterThan(50);
  });

  test("ends a rest when it is aborted", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["1", "2", "3"]) await idempotency.run(request(key), async () => key);
    await expireIn(db, -1);
    const stop = new AbortController();
    const pruning = idempotency.prune({ batchSize: 1, dutyCycle: 1e-6, signal: stop.signal });
    await expect.poll(() => keysOf(db)).toHaveLength(2);
    stop.abort();
    expect(await pruning).toBe(1);
  });

  test.each([0, -1, 1.5, "10", null])("refuses the batch size %o", async (batchSize) => {
    await using db = await open();
    await expect(idempotencyOf(db.prisma).prune({ batchSize: batchSize as number })).rejects.toThrow(
      "option batchSize",
    );
  });

  test.each([
    [{ batchsize: 5 }, "there is no option batchsize; did you mean batchSize?"],
    [null, "the options are of type null; give an object with batchSize, dutyCycle, signal."],
    [{ dutyCycle: 0 }, "option dutyCycle is of type number (0); give a number above 0 and up to 1."],
    [{ dutyCycle: 1.01 }, "option dutyCycle"],
    [{ dutyCycle: Number.NaN }, "option dutyCycle"],
    [{ dutyCycle: "0.2" }, "option dutyCycle is of type string"],
    [500, "the options are of type number; give an object with"],
    [{ signal: true }, "option signal is of type boolean; give the signal of an AbortController."],
  ])("refuses %j", async (options, message) => {
    await using db = await open();
    await expect(idempotencyOf(db.prisma).prune(options as object)).rejects.toThrow(message);
  });
});

describe.runIf(onPostgres)("prune on postgresql, beside others", () => {
  test("passes over an expired record that a claim is taking over, without waiting for it", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["1", "2", "3"]) await idempotency.run(request(key), async () => key);
    await expireIn(db, -1);
    const other = idempotencyOf(await db.connect());
    let pruned = -1;
    const run = await idempotency.run(request("2"), async () => {
      // Had it to wait for the claim's lock, it would wait for itself.
      pruned = await other.prune({ batchSize: 1 });
      return "new";
    });
    expect([run.replayed, pruned]).toEqual([false, 2]);
    expect(await keysOf(db)).toEqual(["2"]);
    expect((await idempotency.run(request("2"), async () => "again")).value).toBe("new");
  });

  test("shares the work with another prune instead of failing", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma, { transaction: { timeoutMs: 60_000 } });
    await Promise.all(Array.from({ length: 40 }, (_, i) => idempotency.run(request(`k${i}`), async () => i)));
    await expireIn(db, -1);
    const counts = await Promise.all([1, 2, 3].map(() => idempotency.prune({ batchSize: 3 })));
    const rest = await idempotency.prune();
    expect(counts.reduce((sum, count) => sum + count, rest)).toBe(40);
  });

  test("takes nothing from a key that is claimed while it is deleted", async () => {
    await using db = await openPostgres();
    const idempotency = idempotencyOf(db.prisma);
    for (let round = 0; round < 20; round += 1) {
      await idempotency.run(request("k"), async () => "old");
      await expireIn(db, -1);
      const place = placing(`round-${round}`);
      const [run] = await Promise.all([idempotency.run(request("k"), place), idempotency.prune()]);
      expect(run.replayed).toBe(false);
      expect([place.runs, await db.countOrders({ key: `round-${round}` })]).toEqual([1, 1]);
      expect(await records(db)).toHaveLength(1);
      await db.query("DELETE FROM idempotency_record");
    }
  });

  test.each(["America/New_York", "Asia/Kolkata"])(
    "counts retention in a session of time zone %s as in UTC",
    async (zone) => {
      await using db = await openPostgres();
      const zoned = await db.connect({ serverOptions: `-c TimeZone=${zone}` });
      const idempotency = idempotencyOf(zoned, { retentionMs: 60_000 });
      const place = placing("k");
      await idempotency.run(request("k"), place);
      const [row] = await db.query(
        "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS left FROM idempotency_record",
      );
      expect(row?.["left"]).toBeGreaterThan(50);
      expect(row?.["left"]).toBeLessThanOrEqual(68);
      expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
      expect((await idempotencyOf(db.prisma).run(request("k"), place)).replayed).toBe(true);
      expect(await idempotency.prune()).toBe(0);
      await expireIn(db, -1);
      expect(await idempotency.prune()).toBe(1);
      expect((await failureOf(idempotency.run(request(""), place))).code).toBe("KEY_INVALID");
    },
  );
});
