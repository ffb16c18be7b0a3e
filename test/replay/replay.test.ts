import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

describe.each(databases)("a run on $name", ({ open }) => {
  test("executes once; its duplicate gets an equal answer that is marked as a replay", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    const second = await idempotency.run(request("k"), place);
    expect(first.replayed).toBe(false);
    expect(second.replayed).toBe(true);
    expect(second.value.id).toBe(first.value.id);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("replays what another process stored", async () => {
    await using db = await open();
    const place = placing("k");
    const first = await idempotencyOf(db.prisma).run(request("k"), place);
    const second = await idempotencyOf(await db.connect()).run(request("k"), place);
    expect(second.replayed).toBe(true);
    expect(second.value.id).toBe(first.value.id);
    expect(place.runs).toBe(1);
  });

  test("replays Decimal, Bytes, BigInt, DateTime and null of a real row, each with its type", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const total = "12345678901234567890.123456789";
    const place = ({ tx }: { tx: Pick<typeof db.prisma, "order"> }) =>
      tx.order.create({
        data: { ...orderOf("k"), total, data: new Uint8Array([0, 255, 7]), big: -(2n ** 62n) },
      });
    const { value: first } = await idempotency.run(request("k"), place);
    const { value: second } = await idempotency.run(request("k"), place);
    const { total: firstTotal, data: firstData, ...firstRest } = first;
    const { total: secondTotal, data: secondData, ...secondRest } = second;
    expect(secondRest).toStrictEqual(firstRest);
    expect(secondRest.createdAt).toBeInstanceOf(Date);
    expect(secondTotal.toFixed()).toBe(firstTotal.toFixed());
    expect(secondTotal.equals(firstTotal)).toBe(true);
    expect(Buffer.from(secondData ?? [])).toEqual(Buffer.from([0, 255, 7]));
    expect(secondData?.buffer.byteLength).toBe(3);
    expect(JSON.stringify({ secondTotal, secondData })).toBe(
      JSON.stringify({ firstTotal, firstData }).replaceAll('"first', '"second'),
    );
    // Prisma takes the replayed values as input.
    const again = await db.prisma.order.create({ data: { ...second, id: "again" } });
    expect(again.total.equals(firstTotal)).toBe(true);
  });

  test("gives every caller a copy of its own, not the handler's object", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const original = { list: [1] };
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return original;
    };
    const [owner, waiter] = await Promise.all([1, 2].map(() => idempotency.run(request("k"), slow)));
    expect([owner, waiter]).toEqual([
      { value: original, replayed: false },
      { value: original, replayed: true },
    ]);
    expect(new Set([original.list, owner?.value.list, waiter?.value.list]).size).toBe(3);
  });

  test("refuses a key that comes with another input, and takes equal inputs as equal", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    await idempotency.run(request("k", { input: { a: 1, b: [new Date(0)] } }), place);
    const error = await failureOf(
      idempotency.run(request("k", { input: { a: 2, b: [new Date(0)] } }), place),
    );
    expect(error).toMatchObject({
      code: "KEY_REUSED",
      retryable: false,
      details: { operation: "orders.place" },
    });
    expect(error.message).not.toContain("k".repeat(2));
    const same = await idempotency.run(
      request("k", { input: { b: [new Date(0)], a: 1, c: undefined } }),
      place,
    );
    expect(same.replayed).toBe(true);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("refuses another input also while the first is under way", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k", () => new Promise((resolve) => setTimeout(resolve, 50)));
    const first = idempotency.run(request("k", { input: 1 }), place);
    const error = await failureOf(idempotency.run(request("k", { input: 2 }), place));
    expect(error.code).toBe("KEY_REUSED");
    expect((await first).replayed).toBe(false);
    expect(place.runs).toBe(1);
  });

  test("keeps scopes and operations apart: one key of two users or two operations is two records", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const requests = [
      request("k"),
      request("k", { scope: "v" }),
      request("k", { scope: "u:" }),
      request("k", { operation: "orders.cancel" }),
      request("k", { scope: "uorders", operation: ".place" }),
      request("K"),
    ];
    for (const one of requests) {
      expect((await idempotency.run(one, place)).replayed).toBe(false);
    }
    expect([place.runs, (await records(db)).length]).toEqual([6, 6]);
  });

  test("stores hostile keys, scopes and results as they are", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const hostile = `'; DROP TABLE idempotency_record; -- $1 ? \\ "`;
    const value = { [hostile]: `${hostile}\0\ud83d\u2028`, constructor: "x", toJSON: 5 };
    const same = request(hostile, { scope: hostile, operation: hostile });
    await idempotency.run(same, async () => value);
    expect(await idempotency.run(same, async () => ({}))).toEqual({ value, replayed: true });
    expect(await records(db)).toMatchObject([{ key: hostile, scope: hostile, operation: hostile }]);
  });

  test.each([undefined, null, false, 0, "", [], Number.NaN])("replays %o as itself", async (value) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => value);
    expect(await idempotency.run(request("k"), async () => "other")).toEqual({ value, replayed: true });
  });

  test("gives the handler its key, attempt and derived keys", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const seen: unknown[] = [];
    for (const fail of [true, false]) {
      const run = idempotency.run(request("k"), async ({ key, attempt, deriveKey }) => {
        seen.push([key, attempt, deriveKey("charge"), deriveKey("mail") === deriveKey("charge")]);
        if (fail) throw new Error("first");
      });
      await run.catch(() => {});
    }
    expect(seen).toEqual([["k", 1, expect.stringMatching(/^[\w-]{43}$/), false], seen[0]]);
  });

  test("leaves one completed row, with times of the database's clock", async () => {
    await using db = await open();
    await idempotencyOf(db.prisma, { retentionMs: 60_000 }).run(request("k"), async () => ({ a: 1 }));
    const rows = await db.prisma.idempotencyRecord.findMany();
    expect(rows).toHaveLength(1);
    const [row] = rows;
    expect(row).toMatchObject({
      scope: "u",
      operation: "orders.place",
      key: "k",
      status: "completed",
      attempt: 1,
    });
    expect(row?.response).toBe('devalue:[{"a":1},1]');
    const [created, completed, expires] = [row?.createdAt, row?.completedAt, row?.expiresAt].map(Number);
    // Two readings of one clock in one statement.
    expect(Math.abs((expires ?? 0) - (created ?? 0) - 60_000)).toBeLessThan(10_000);
    expect(completed).toBeGreaterThanOrEqual(created ?? Infinity);
    expect(Math.abs(Date.now() - (created ?? 0))).toBeLessThan(60_000);
  });

  test("refuses a bad key, a missing scope and a bad option before any database work", async () => {
    await using db = await open();
    const sent: string[] = [];
    const idempotency = idempotencyOf(await db.connect({ log: (statement) => sent.push(statement) }));
    const place = placing("k");
    expect((await failureOf(idempotency.run(request(""), place))).code).toBe("KEY_INVALID");
    expect((await failureOf(idempotency.run(request("k", { scope: "" }), place))).code).toBe("SCOPE_MISSING");
    await expect(idempotency.run(request("k", { waitMs: -1 }), place)).rejects.toThrow(TypeError);
    expect([sent, place.runs]).toEqual([[], 0]);
  });
});
