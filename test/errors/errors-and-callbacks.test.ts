import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { idempotencyOf, orderOf, placing, records, request, warningsDuring } from "../support/runs.ts";

class OutOfStock extends Error {
  override readonly name = "OutOfStock";
  readonly code = "OUT_OF_STOCK";
}
const storeError = (error: unknown) => error instanceof OutOfStock;

describe.each(databases)("an error on $name", ({ open }) => {
  test("that is stored rolls the handler's writes back and is every duplicate's answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const place = placing("k", () => {
      throw new OutOfStock("sold out");
    });
    await expect(idempotency.run(request("k"), place)).rejects.toBeInstanceOf(OutOfStock);
    expect(await db.countOrders()).toBe(0);
    const replayed: unknown = await idempotency.run(request("k"), place).catch((error: unknown) => error);
    expect(replayed).toMatchObject({ name: "OutOfStock", code: "OUT_OF_STOCK", message: "sold out" });
    expect(await idempotency.runSettled(request("k"), place)).toMatchObject({
      status: "failed",
      replayed: true,
    });
    expect([place.runs, await db.countOrders()]).toEqual([1, 0]);
    expect(await records(db)).toMatchObject([{ status: "failed" }]);
  });

  test("that is stored and no Error is replayed as the value that it was", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    for (const thrown of [{ code: "SOLD_OUT", message: "no lamps" }, "sold out", 404]) {
      const key = typeof thrown;
      let runs = 0;
      const refuse = async () => {
        runs += 1;
        throw thrown;
      };
      await expect(idempotency.run(request(key), refuse)).rejects.toEqual(thrown);
      await expect(idempotency.run(request(key), refuse)).rejects.toEqual(thrown);
      await expect(idempotencyOf(db.prisma).run(request(key), refuse)).rejects.toEqual(thrown);
      expect(runs).toBe(1);
    }
  });

  test("that is stored undoes the writes of a handler with savepoints of its own", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const refused = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("before") });
      for (const name of ["onceonly", "onceonly_0", "onceonly_1"]) {
        await tx.$executeRawUnsafe(`SAVEPOINT ${name}`);
      }
      await tx.order.create({ data: orderOf("after") });
      throw new OutOfStock("sold out");
    });
    await expect(refused).rejects.toBeInstanceOf(OutOfStock);
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 1]);
  });

  test("that is stored reaches the duplicates that waited", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const place = placing("k", async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new OutOfStock("sold out");
    });
    const ends = await Promise.all([1, 2, 3].map(() => idempotency.runSettled(request("k"), place)));
    expect(ends.map(({ status, replayed }) => [status, replayed])).toEqual([
      ["failed", false],
      ["failed", true],
      ["failed", true],
    ]);
    expect(place.runs).toBe(1);
  });

  test("that is stored is refused to another input like any answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const fail = () => Promise.reject(new OutOfStock("sold out"));
    await idempotency.runSettled(request("k", { input: 1 }), fail);
    await expect(idempotency.runSettled(request("k", { input: 2 }), fail)).rejects.toMatchObject({
      code: "KEY_REUSED",
    });
  });

  test("that is not stored releases the key: nothing is left, and the retry executes", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError });
    const broken = new Error("broken");
    const failing = placing("k", () => {
      throw broken;
    });
    await expect(idempotency.run(request("k"), failing)).rejects.toBe(broken);
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    const place = placing("k");
    expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("is never stored without storeError", async () => {
    await using db = await open();
    const fail = () => Promise.reject(new OutOfStock("sold out"));
    await expect(idempotencyOf(db.prisma).runSettled(request("k"), fail)).rejects.toThrow("sold out");
    expect(await records(db)).toEqual([]);
  });

  test("of a nested run is never stored as the outer one's answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    const outer = () => idempotency.run(request(""), async () => 1);
    await expect(idempotency.run(request("k"), outer)).rejects.toMatchObject({ code: "KEY_INVALID" });
    expect(await records(db)).toEqual([]);
  });

  test("that cannot be stored reaches the caller as it is, and releases the key", async () => {
    await using db = await open();
    const long = Object.assign(new OutOfStock("sold out"), { detail: "x".repeat(3_000) });
    const errors = { serialize: () => () => 1, deserialize: () => 1 };
    for (const options of [{ resultBytesMax: 2_000 }, { errors }]) {
      const run = idempotencyOf(db.prisma, { storeError, ...options }).run(
        request("k"),
        placing("k", () => Promise.reject(long)),
      );
      await expect(run).rejects.toBe(long);
      expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
    }
  });

  test("of storeError itself releases the key", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, {
      storeError: () => {
        throw new TypeError("cannot read");
      },
    });
    await expect(
      idempotency.run(
        request("k"),
        placing("k", () => Promise.reject(new Error("x"))),
      ),
    ).rejects.toThrow("cannot read");
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });

  test("of a failed statement can be stored: the record survives the rollback to the savepoint", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
    await db.prisma.account.create({ data: { id: "taken", balance: 1 } });
    const end = await idempotency.runSettled(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      return tx.account.create({ data: { id: "taken", balance: 2 } });
    });
    expect(end).toMatchObject({ status: "failed", replayed: false });
    expect(await db.countOrders()).toBe(0);
    const replay = await idempotency.runSettled(request("k"), async () => "never");
    expect(replay).toMatchObject({ status: "failed", replayed: true, error: { code: "P2002" } });
  });
});

describe.each(databases)("afterCommit on $name", ({ open }) => {
  test("runs after the commit, once, before the answer, and not on a replay", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const seen: number[] = [];
    const run = () =>
      idempotency.run(request("k"), async ({ tx, afterCommit }) => {
        afterCommit(async () => seen.push(await db.countOrders()));
        await tx.order.create({ data: orderOf("k") });
        expect(seen).toEqual([]);
      });
    await run();
    expect(seen).toEqual([1]);
    await run();
    expect(seen).toEqual([1]);
  });

  test.each([
    ["stored", true],
    ["released", false],
  ])("does not run after an error that was %s", async (_what, store) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeError: () => store });
    let ran = false;
    const run = idempotency.run(request("k"), async ({ afterCommit }) => {
      afterCommit(() => {
        ran = true;
      });
      throw new Error("no");
    });
    await expect(run).rejects.toThrow("no");
    expect(ran).toBe(false);
  });

  test("does not run when the result cannot be stored", async () => {
    await using db = await open();
    let ran = false;
    const run = idempotencyOf(db.prisma).run(request("k"), async ({ afterCommit }) => {
      afterCommit(() => {
        ran = true;
      });
      return () => 1;
    });
    await expect(run).rejects.toMatchObject({ code: "RESULT_UNSTORABLE" });
    expect(ran).toBe(false);
  });

  test("that fails is a process warning and changes nothing about the answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const warnings = await warningsDuring(async () => {
      const first = await idempotency.run(request("k"), (context) => {
        context.afterCommit(() => Promise.reject(new Error("cache is gone")));
        return place(context);
      });
      expect(first.replayed).toBe(false);
    });
    expect(warnings.map(({ name }) => name)).toContain("OnceonlyAfterCommitWarning");
    expect((await idempotency.run(request("k"), place)).replayed).toBe(true);
    expect(await db.countOrders()).toBe(1);
  });
});

describe.each(databases)("a call without a key on $name", ({ open }) => {
  test("executes every time, in one transaction, and leaves no record", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    await idempotency.runUnkeyed(place);
    await idempotency.runUnkeyed(place);
    await expect(idempotency.runUnkeyed(placing("k", () => Promise.reject(new Error("no"))))).rejects.toThrow(
      "no",
    );
    expect([await db.countOrders(), (await records(db)).length]).toEqual([2, 0]);
  });

  test("runs afterCommit after the commit only", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const seen: number[] = [];
    const work = (fail: boolean) =>
      idempotency.runUnkeyed(async ({ tx, afterCommit }) => {
        afterCommit(async () => seen.push(await db.countOrders()));
        await tx.order.create({ data: orderOf("k") });
        if (fail) throw new Error("no");
      });
    await work(false);
    await expect(work(true)).rejects.toThrow("no");
    expect(seen).toEqual([1]);
  });
});
