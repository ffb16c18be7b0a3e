/** PGlite, PostgreSQL in this process: one connection, which all transactions take in turn. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { describe, expect, test } from "vitest";
import { createIdempotency, type RunOptions, UncoveredWriteError } from "../../src/index.ts";
import type { TestClient } from "../support/clients.ts";
import { onPostgres } from "../support/database.ts";
import { ddl } from "../support/ddl.ts";
import { clientsOf, openPglite } from "../support/pglite.ts";
import { failureOf, idempotencyOf, orderOf, placing, request } from "../support/runs.ts";

type Transaction = Pick<TestClient, "order" | "$executeRawUnsafe">;

/** A key whose foreign key is checked at COMMIT. */
const DEFERRED =
  "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";

const orphan = async ({ tx }: { tx: Transaction }) => {
  await tx.$executeRawUnsafe("INSERT INTO child VALUES (7)");
  return "done";
};

describe.runIf(onPostgres)("on PGlite", () => {
  test("a run executes once, and is replayed with the types of its row; another input is refused", async () => {
    const db = await openPglite();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const first = await idempotency.run(request("k", { input: 1 }), place);
    const again = await idempotencyOf(db.connect()).run(request("k", { input: 1 }), place);
    expect(again).toEqual({ ...first, replayed: true });
    expect(again.value.createdAt).toBeInstanceOf(Date);
    expect([again.value.big, again.value.total.toFixed(2)]).toEqual([2n ** 60n, "12.50"]);
    const reused = await failureOf(idempotency.run(request("k", { input: 2 }), place));
    expect([reused.code, place.runs, await db.orders()]).toEqual(["KEY_REUSED", 1, ["k"]]);
  });

  test("a stored error undoes the writes and is replayed; any other releases the key", async () => {
    const db = await openPglite();
    const storeError = (error: unknown) => (error as Error).message === "sold out";
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const failing = (message: string) => async (context: { tx: Transaction }) => {
      await placing("k")(context);
      throw new Error(message);
    };
    for (const replayed of [false, true]) {
      const settled = await idempotency.runSettled(request("stored"), failing("sold out"));
      expect(settled).toMatchObject({ status: "failed", replayed, error: { message: "sold out" } });
    }
    await expect(idempotency.run(request("k"), failing("broken"))).rejects.toThrow("broken");
    expect(await db.orders()).toEqual([]);
    expect(await db.records()).toEqual([{ key: "stored", status: "failed", attempt: 1 }]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test("a leased run keeps its steps over attempts, and prune deletes it after its retention", async () => {
    const db = await openPglite();
    const idempotency = idempotencyOf(db.prisma, { retentionMs: 1 });
    let charges = 0;
    const work = (isFirst: boolean) =>
      idempotency.runLeased(request("l", { retentionMs: 60_000 }), async ({ step, transaction, attempt }) => {
        const charge = await step("charge", () => ++charges);
        await transaction("order", async ({ tx }) => tx.order.create({ data: orderOf("l") }));
        if (isFirst) throw new Error("crash");
        return { charge, attempt };
      });
    await expect(work(true)).rejects.toThrow("crash");
    expect(await work(false)).toEqual({ value: { charge: 1, attempt: 2 }, replayed: false });
    expect(await work(false)).toEqual({ value: { charge: 1, attempt: 2 }, replayed: true });
    expect(await db.orders()).toEqual(["l"]);
    await idempotency.run(request("kept", { retentionMs: 60_000 }), async () => 1);
    await db.query("UPDATE idempotency_record SET expires_at = now() - interval '1 s' WHERE key = 'l'");
    expect(await idempotency.prune()).toBe(1);
    expect(await db.records()).toEqual([{ key: "kept", status: "completed", attempt: 1 }]);
    expect(await db.query("SELECT * FROM idempotency_step")).toEqual([]);
  });

  test("duplicates at once, through two clients, execute once", async () => {
    const db = await openPglite();
    const [one, other] = [idempotencyOf(db.prisma), idempotencyOf(db.connect())];
    const place = placing("k");
    const runs = Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? one : other).run(request("k"), place),
    );
    const answers = await Promise.all(runs);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([place.runs, await db.orders()]).toEqual([1, ["k"]]);
  });

  test("many slow runs wait for the one connection in turn, longer than Prisma waits for one", async () => {
    const db = await openPglite();
    const [one, other] = [idempotencyOf(db.prisma), idempotencyOf(db.connect())];
    let running = 0;
    const keys = Array.from({ length: 12 }, (_, index) => `k${String(index).padStart(2, "0")}`);
    const answers = keys.map((key, index) =>
      (index % 2 === 0 ? one : other).run(request(key), async ({ tx }) => {
        running += 1;
        const together = running;
        await new Promise((resolve) => setTimeout(resolve, 300));
        await placing(key)({ tx });
        running -= 1;
        return together;
      }),
    );
    expect(await Promise.all(answers)).toEqual(keys.map(() => ({ value: 1, replayed: false })));
    expect(await db.orders()).toEqual(keys);
  });

  test("a run that gets no connection in its time says so, and the connection is free afterwards", async () => {
    const db = await openPglite();
    const options: RunOptions = { outageMs: 0, transaction: { maxWaitMs: 50 } };
    await idempotencyOf(db.prisma).run(request("long"), async () => {
      const hurried = idempotencyOf(db.connect(), options).run(request("k"), placing("k"));
      expect((await failureOf(hurried)).code).toBe("STORE_UNAVAILABLE");
    });
    expect((await idempotencyOf(db.prisma).run(request("k"), placing("k"))).replayed).toBe(false);
    expect(await db.orders()).toEqual(["k"]);
  });

  test("a handler that asks the root client waits for itself, until its time is over", async () => {
    const db = await openPglite();
    const idempotency = createIdempotency({ prisma: db.prisma, guard: "throw" });
    const stuck = idempotency.run(request("k", { transaction: { timeoutMs: 200 } }), async ({ tx }) => {
      await placing("k")({ tx });
      return db.prisma.order.count();
    });
    await expect(stuck).rejects.toThrow("did not end within");
    const uncovered = idempotency.run(request("k"), () => db.prisma.order.create({ data: orderOf("k") }));
    await expect(uncovered).rejects.toThrow(UncoveredWriteError);
    expect([await db.orders(), await db.records()]).toEqual([[], []]);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test("a COMMIT that fails is an error, although the adapter reports it as done", async () => {
    const db = await openPglite();
    await db.lite.exec(DEFERRED);
    // What the adapter alone makes of it, until a later version is better.
    expect(await db.connect().$transaction((tx) => orphan({ tx }))).toBe("done");
    const idempotency = idempotencyOf(db.prisma);
    await expect(idempotency.run(request("k"), orphan)).rejects.toThrow("ForeignKeyConstraintViolation");
    await expect(idempotency.runUnkeyed(orphan)).rejects.toThrow("ForeignKeyConstraintViolation");
    const leased = idempotency.runLeased(request("l"), ({ transaction }) => transaction("orphan", orphan));
    await expect(leased).rejects.toThrow("ForeignKeyConstraintViolation");
    expect([await db.query("SELECT * FROM child"), await db.query("SELECT * FROM idempotency_step")]).toEqual(
      [[], []],
    );
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
    expect(await db.orders()).toEqual(["k"]);
  });

  test("a handler that goes on after a failed statement is an error, and nothing is committed", async () => {
    const db = await openPglite();
    const idempotency = idempotencyOf(db.prisma);
    const swallowing = async ({ tx }: { tx: Transaction }) => {
      await placing("k")({ tx });
      await tx.$executeRawUnsafe("INSERT INTO nothing VALUES (1)").catch(() => {});
      return "done";
    };
    await expect(idempotency.run(request("k"), swallowing)).rejects.toThrow();
    expect([await db.orders(), await db.records()]).toEqual([[], []]);
  });

  test("a client that has connected before is refused, as its COMMIT would not tell", async () => {
    const db = await openPglite();
    await db.prisma.order.count();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const error = await failureOf(idempotency.run(request("k"), place));
    expect([error.code, place.runs]).toEqual(["STORE_MISCONFIGURED", 0]);
    expect((error.cause as Error).message).toContain(
      "Call createIdempotency before the first query and before $connect.",
    );
    expect(await failureOf(idempotency.check())).toMatchObject({
      code: "STORE_MISCONFIGURED",
      message: error.message.replace("orders.place", "check"),
    });
    expect((await idempotencyOf(db.connect()).run(request("k"), place)).replayed).toBe(false);
  });

  test("check finds nothing in a good set-up, and a table that is missing", async () => {
    const db = await openPglite();
    expect(await idempotencyOf(db.prisma).check()).toEqual([]);
    await db.query("DROP TABLE idempotency_step");
    const error = await failureOf(idempotencyOf(db.prisma).check());
    expect(error.code).toBe("STORE_MISCONFIGURED");
  });

  test("in a folder, outlives its process", async () => {
    const folder = await mkdtemp(join(tmpdir(), "onceonly-pglite-"));
    try {
      const lite = await PGlite.create(folder);
      await lite.exec(ddl("postgresql", "plain"));
      const first = await idempotencyOf(clientsOf(lite).prisma).run(request("k"), placing("k"));
      await lite.close();
      const reopened = await PGlite.create(folder);
      const db = clientsOf(reopened);
      expect(await idempotencyOf(db.prisma).run(request("k"), placing("k"))).toEqual({
        ...first,
        replayed: true,
      });
      expect(await db.orders()).toEqual(["k"]);
      await reopened.close();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
