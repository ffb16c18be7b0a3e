/** What became of a key, and a key that is made fresh again. */
import { inspect as inspectOfNode } from "node:util";
import { describe, expect, test } from "vitest";
import { devalueCodec } from "../../src/core/contract/options/codec.ts";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { lapse } from "../leases/helpers.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import {
  door,
  expire,
  failureOf,
  idempotencyOf,
  placing,
  records,
  request,
  underWay,
} from "../support/runs.ts";

const name = (key: string) => ({ operation: "orders.place", scope: "u", key });
const date = expect.any(Date);

test("the object is printed, by Node.js and by test runners, without a call of its method inspect", async () => {
  await using db = await (databases[0] ?? expect.fail()).open();
  const idempotency = idempotencyOf(db.prisma);
  expect(inspectOfNode({ idempotency })).toBe("{ idempotency: Idempotency {} }");
  // Its message shows the object.
  expect(() => expect({ idempotency }).toBeNull()).toThrow("idempotency");
});

describe.each(databases)("inspect on $name", ({ open }) => {
  test("a key that was never used is unknown", async () => {
    await using db = await open();
    const inspection = await idempotencyOf(db.prisma).inspect(name("k"));
    expect(inspection).toEqual({ state: "unknown", id: expect.stringMatching(/^[\w-]{43}$/) });
  });

  test("a result, with every kind of value as it was, and times of the database", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { retentionMs: 3_600_000, outageMs: 0 });
    const value = {
      when: new Date(0),
      big: 2n ** 60n,
      set: new Set([1]),
      text: "ünï 😀 \u2028",
      none: undefined,
    };
    const begin = Date.now() - 1_000;
    await idempotency.run(request("k"), async () => value);
    const found = await idempotency.inspect(name("k"));
    expect(found).toEqual({
      ...name("k"),
      state: "completed",
      id: (await records(db))[0]?.["id"],
      attempt: 1,
      claimedAt: date,
      finishedAt: date,
      expiresAt: date,
      isExpired: false,
      leasedUntil: undefined,
      isAbandoned: false,
      answer: { isReadable: true, value },
      input: undefined,
      steps: [],
    });
    if (found.state === "unknown") expect.fail();
    const [claimed, finished, expires] = [found.claimedAt, found.finishedAt, found.expiresAt].map(Number) as [
      number,
      number,
      number,
    ];
    expect(claimed).toBeGreaterThan(begin);
    expect(finished).toBeGreaterThanOrEqual(claimed);
    expect(finished).toBeLessThan(Date.now() + 1_000);
    expect(expires - claimed).toBeGreaterThanOrEqual(3_600_000);
    expect(expires - claimed).toBeLessThan(3_700_000);
  });

  test("an error that is the answer is restored", async () => {
    await using db = await open();
    class OutOfStock extends Error {
      override name = "OutOfStock";
    }
    const idempotency = idempotencyOf(db.prisma, { storeError: () => true, errorClasses: [OutOfStock] });
    const run = idempotency.run(request("k"), async () => Promise.reject(new OutOfStock("no more")));
    await expect(run).rejects.toThrow("no more");
    const { answer, state } = (await idempotency.inspect(name("k"))) as {
      answer: { value: Error };
      state: string;
    };
    expect([state, answer.value instanceof OutOfStock, answer.value.message]).toEqual([
      "failed",
      true,
      "no more",
    ]);
  });

  test("a leased run under way, with its steps in order; then abandoned", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { storeInput: true });
    const { wait, arrived, open: leave } = door();
    const run = idempotency.runLeased(request("k", { input: { amount: 5n } }), async ({ step }) => {
      await step("b first", () => "one");
      // Times are kept to the millisecond.
      await new Promise((resolve) => setTimeout(resolve, 10));
      await step("a second", () => ({ two: 2 }));
      await wait();
      throw new Error("down");
    });
    await arrived;
    const found = await idempotency.inspect(name("k"));
    expect(found).toMatchObject({
      state: "in_progress",
      attempt: 1,
      finishedAt: undefined,
      leasedUntil: date,
      isAbandoned: false,
      answer: undefined,
      input: { isReadable: true, value: { amount: 5n } },
      steps: [
        { name: "b first", recordedAt: date, result: { isReadable: true, value: "one" } },
        { name: "a second", recordedAt: date, result: { isReadable: true, value: { two: 2 } } },
      ],
    });
    leave();
    await run.catch(() => {});
    // Its lease is given back, and lapses a little later for completers.
    expect(await idempotency.inspect(name("k"))).toMatchObject({ state: "in_progress", isAbandoned: true });
    await lapse(db);
    expect(await idempotency.inspect(name("k"))).toMatchObject({ state: "in_progress", isAbandoned: true });
    await db.query("UPDATE idempotency_record SET locked_until = NULL, owner = 'somebody'");
    expect(await idempotency.inspect(name("k"))).toMatchObject({ state: "in_progress", isAbandoned: true });
    expect(await idempotency.forget(name("k"))).toBe("forgotten");
  });

  test("an expired record is shown as such, until it is pruned", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    await expire(db);
    expect(await idempotency.inspect(name("k"))).toMatchObject({ state: "completed", isExpired: true });
    await idempotency.prune();
    expect(await idempotency.inspect(name("k"))).toMatchObject({ state: "unknown" });
  });

  test("what cannot be decoded is shown as it is stored, with the reason", async () => {
    await using db = await open();
    await idempotencyOf(db.prisma).run(request("k"), async () => 1);
    const other = { ...devalueCodec, name: "other" };
    const { answer } = (await idempotencyOf(db.prisma, { codec: other }).inspect(name("k"))) as {
      answer: unknown;
    };
    expect(answer).toEqual({
      isReadable: false,
      reason: 'it was stored by the codec "devalue", and is read by "other"',
      text: "devalue:[1]",
    });
  });
});

describe.each(databases)("forget on $name", ({ open }) => {
  test("a finished record goes with its steps, and its key executes again", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.runLeased(request("k"), async ({ step }) => step("one", () => 1));
    await idempotency.runLeased(request("other"), async ({ step }) => step("one", () => 1));
    expect(await idempotency.forget(name("k"))).toBe("forgotten");
    expect(await idempotency.forget(name("k"))).toBe("unknown");
    expect(await db.query("SELECT name FROM idempotency_step")).toHaveLength(1);
    expect((await records(db)).map(({ key }) => key)).toEqual(["other"]);
    const again = await idempotency.runLeased(request("k"), async ({ attempt }) => attempt);
    expect(again).toEqual({ value: 1, replayed: false });
  });

  test("a leased run that is under way is left alone", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { wait, arrived, open: leave } = door();
    const run = idempotency.runLeased(request("k"), async () => {
      await wait();
      return "done";
    });
    await arrived;
    expect(await idempotency.forget(name("k"))).toBe("in_progress");
    leave();
    expect(await run).toEqual({ value: "done", replayed: false });
    expect((await idempotency.runLeased(request("k"), async () => "again")).replayed).toBe(true);
  });

  test("a cache of replays forgets too", async () => {
    await using db = await open();
    const kept = new Map<string, unknown>();
    const replayCache = {
      namespace: "test",
      get: async (key: string) => kept.get(key),
      set: async (key: string, value: unknown) => kept.set(key, value),
      delete: async (key: string) => kept.delete(key),
    };
    const idempotency = createIdempotency({ prisma: db.prisma, replayCache });
    await idempotency.run(request("k"), placing("k"));
    await new Promise((resolve) => setImmediate(resolve));
    expect(kept.size).toBe(1);
    expect(await idempotency.forget(name("k"))).toBe("forgotten");
    expect(kept.size).toBe(0);
    expect((await idempotency.run(request("k"), placing("k"))).replayed).toBe(false);
  });

  test.each([
    [{ ...name(""), key: "" }, "KEY_INVALID"],
    [{ ...name("k"), scope: "" }, "SCOPE_MISSING"],
  ])("%j is refused as a run refuses it", async (wrong, code) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    expect((await failureOf(idempotency.forget(wrong))).code).toBe(code);
    expect((await failureOf(idempotency.inspect(wrong))).code).toBe(code);
    await expect(idempotency.inspect({ ...name("k"), keys: 1 } as never)).rejects.toThrow(
      "did you mean key?",
    );
  });
});

// SQLite's only writer is the run itself: what else writes waits for it.
describe.each(databases.filter(({ name: provider }) => provider !== "sqlite"))(
  "forget on $name",
  ({ name: provider, open }) => {
    test.each([
      ["a fresh key", () => {}, provider === "mariadb" ? "in_progress" : "unknown"],
      [
        "an expired record",
        async (db: TestDatabase) => {
          await idempotencyOf(db.prisma).run(request("k"), async () => "old");
          await expire(db);
        },
        "in_progress",
      ],
    ])(
      "a run in one transaction that is under way is not waited for, and stays whole: %s",
      async (_, before, answer) => {
        await using db = await open();
        await before(db);
        const idempotency = idempotencyOf(db.prisma);
        const { first, openDoor, place } = await underWay(idempotency);
        expect(await idempotencyOf(await db.connect()).forget(name("k"))).toBe(answer);
        openDoor();
        expect((await first).replayed).toBe(false);
        expect([(await idempotency.run(request("k"), place)).replayed, place.runs]).toEqual([true, 1]);
      },
    );
  },
);
