import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, onPostgres, openPostgres, openSqlite } from "../support/database.ts";
import {
  door,
  failureOf,
  idempotencyOf,
  isPrisma6,
  orderOf,
  placing,
  pretending,
  records,
  request,
} from "../support/runs.ts";

describe.each(databases)("without its table on $name", ({ open }) => {
  test("each run is STORE_MISCONFIGURED and says what to do; the handler never runs", async () => {
    await using db = await open();
    await db.query("DROP TABLE idempotency_record");
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const error = await failureOf(idempotency.run(request("k"), place));
      expect(error).toMatchObject({ code: "STORE_MISCONFIGURED", retryable: false, retryAfterMs: undefined });
      expect(error.message).toMatch(/["`]idempotency_record["`]/);
      expect(error.message).toContain(`apply prisma/${db.provider}/idempotency.sql`);
      expect(error.message).toContain("cannot work: orders.place failed");
      expect(error.message).toContain("check() of the object that createIdempotency returned says which");
    }
    expect([place.runs, await db.countOrders()]).toEqual([0, 0]);
  });

  test("runs work as soon as the table is there", async () => {
    await using db = await open();
    await db.query("ALTER TABLE idempotency_record RENAME TO away");
    const idempotency = idempotencyOf(db.prisma);
    expect((await failureOf(idempotency.run(request("k"), placing("k")))).code).toBe("STORE_MISCONFIGURED");
    await db.query("ALTER TABLE away RENAME TO idempotency_record");
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test("a missing table of the handler's own is the handler's error", async () => {
    await using db = await open();
    const run = idempotencyOf(db.prisma).run(request("k"), ({ tx }) =>
      tx.$queryRawUnsafe("SELECT * FROM nowhere"),
    );
    await expect(run).rejects.toMatchObject({ code: "P2010" });
    expect(await records(db)).toEqual([]);
  });
});

describe.each(databases)("a client without our model on $name", ({ open }) => {
  test("starts, and its first keyed run is STORE_MISCONFIGURED and says what to do", async () => {
    await using db = await open();
    // A client that was generated before the model was added to the schema.
    const runtimeDataModel = Reflect.get(db.prisma, "_runtimeDataModel") as {
      models: Record<string, unknown>;
    };
    const { IdempotencyRecord: _, ...models } = runtimeDataModel.models;
    const bare = pretending(db.prisma, { _runtimeDataModel: { ...runtimeDataModel, models } });
    const idempotency = createIdempotency({ prisma: bare });
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    expect(error.code).toBe("STORE_MISCONFIGURED");
    expect(error.message).toContain("The Prisma client has no model IdempotencyRecord");
    expect(error.message).toContain("prisma generate");
    expect(place.runs).toBe(0);
    const named = createIdempotency({ prisma: bare, models: { record: {} } });
    expect((await named.run(request("k"), placing("k"))).replayed).toBe(false);
  });
});

describe.runIf(onPostgres)("on postgresql, a store that", () => {
  test("has no free connection in time is STORE_UNAVAILABLE, before the handler ran", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1 });
    const { wait, arrived, open } = door();
    let isHeld = true;
    // Prisma 6 says so only when a connection has become free, here by the holder's own time limit.
    const timeout = isPrisma6(client) ? 5_000 : 120_000;
    const holder = client
      .$transaction(wait, { timeout })
      .catch(() => "over")
      .finally(() => {
        isHeld = false;
      });
    await arrived;
    const idempotency = idempotencyOf(client, { transaction: { maxWaitMs: 500 } });
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    if (!isPrisma6(client)) expect(isHeld).toBe(true);
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true, retryAfterMs: 1_000 });
    expect(place.runs).toBe(0);
    open();
    await holder;
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
  });

  test("cannot be reached is STORE_UNAVAILABLE, and its message tells a client no address", async () => {
    await using db = await openPostgres();
    const url = new URL(db.url);
    url.port = "1";
    const idempotency = idempotencyOf(await db.connect({ url: url.href }));
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    expect(error).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true, cause: expect.any(Error) });
    expect(error.message).not.toMatch(/127\.0\.0\.1|localhost|ECONNREFUSED/);
    expect(place.runs).toBe(0);
  });

  test("cannot be reached by the network is STORE_UNAVAILABLE", async () => {
    await using db = await openPostgres();
    const url = new URL(db.url);
    // To a host that has gone, the kernel gives such errors; to this one at once.
    url.hostname = "255.255.255.255";
    const idempotency = idempotencyOf(await db.connect({ url: url.href }));
    const ends = [
      idempotency.run(request("k"), placing("k")),
      idempotency.runLeased(request("l"), async () => "never"),
    ];
    for (const end of ends) {
      const { code, cause } = await failureOf(end);
      expect([code, String(cause)]).toEqual(["STORE_UNAVAILABLE", expect.stringContaining("ENETUNREACH")]);
    }
  });

  test("has a full pool, whose own limit ends the waiting, is STORE_UNAVAILABLE", async () => {
    await using db = await openPostgres();
    const client = await db.connect({ max: 1, connectionTimeoutMs: 200 });
    const { wait, arrived, open } = door();
    const holder = client.$transaction(wait, { timeout: 60_000 });
    await arrived;
    const idempotency = idempotencyOf(client);
    const place = placing("k");
    const ends = [
      idempotency.run(request("k"), place),
      idempotency.runLeased(request("l"), async () => "never"),
    ];
    for (const end of ends) expect((await failureOf(end)).code).toBe("STORE_UNAVAILABLE");
    open();
    await holder;
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
    expect(place.runs).toBe(1);
  });

  test("refuses the password or the database is STORE_MISCONFIGURED", async () => {
    await using db = await openPostgres();
    const url = new URL(db.url);
    url.pathname = "/nowhere";
    const error = await failureOf(
      idempotencyOf(await db.connect({ url: url.href })).run(request("k"), placing("k")),
    );
    expect(error.code).toBe("STORE_MISCONFIGURED");
  });

  test("loses the connection during the handler is STORE_UNAVAILABLE, leaves nothing, and the retry executes", async () => {
    await using db = await openPostgres();
    // Prisma 6 never gives the broken connection back to its pool.
    const idempotency = idempotencyOf(await db.connect({ max: 2 }));
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("first") });
      await db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND state = 'idle in transaction'`,
      );
      await sleep(50);
      return tx.order.create({ data: orderOf("second") });
    });
    expect(await failureOf(run)).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
    expect(await db.countOrders()).toBe(1);
  });
});

describe.each(databases)("a handler on $name", ({ name, open }) => {
  test("that outlasts its transaction commits nothing; the retry executes once, and the late one cannot commit", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { transaction: { timeoutMs: 1_000 }, waitMs: 100 });
    const { wait, arrived, open: openDoor } = door();
    let lateWrite: unknown;
    const late = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("late") });
      await wait();
      lateWrite = await tx.order.create({ data: orderOf("too-late") }).catch((error: unknown) => error);
      return "late";
    });
    const tooLate = late.catch((error: unknown) => error);
    await arrived;
    // Until the database has ended the first one's transaction.
    const retry = idempotencyOf(await db.connect(), { waitMs: 120_000 });
    const place = placing("retry");
    const run = await retry.run(request("k"), place);
    expect([run.replayed, place.runs]).toEqual([false, 1]);
    openDoor();
    expect(await tooLate).toMatchObject({ code: "P2028" });
    await expect.poll(() => lateWrite).toMatchObject({ code: "P2028" });
    expect([await db.countOrders(), await db.countOrders({ key: "retry" })]).toEqual([1, 1]);
    expect((await idempotency.run(request("k"), placing("k"))).value.id).toBe(run.value.id);
    expect(name).toBe(db.provider);
  });

  test("that is never done in time reaches its caller as Prisma's own error, and releases the key", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { transaction: { timeoutMs: 50 }, waitMs: 0 });
    await expect(
      idempotency.run(
        request("k"),
        placing("k", () => sleep(300)),
      ),
    ).rejects.toMatchObject({ code: "P2028" });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    const replay = await idempotency.run(request("k", { transaction: { timeoutMs: 5_000 } }), placing("k"));
    expect(replay.replayed).toBe(false);
  });
});

test("prune without its table is STORE_MISCONFIGURED too", async () => {
  await using db = await openSqlite();
  await db.query("DROP TABLE idempotency_record");
  await expect(createIdempotency({ prisma: db.prisma }).prune()).rejects.toMatchObject({
    code: "STORE_MISCONFIGURED",
  });
});
