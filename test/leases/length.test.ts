import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { databases } from "../support/database.ts";
import { failureOf } from "../support/runs.ts";
import { leasing, paying, recordOf } from "./helpers.ts";

const refusal = (leaseMs: number, timeoutMs: number) =>
  new RegExp(
    `^onceonly: option leaseMs is ${leaseMs} and option transaction.timeoutMs is ${timeoutMs} .*` +
      `a leaseMs of at least ${timeoutMs}, or a transaction.timeoutMs of at most ${leaseMs}`,
  );

describe.each(databases)("a lease that a transaction could outlive, on $name,", ({ open }) => {
  test("is a TypeError at construction, by the time-out of the options, of the client, or of Prisma", async () => {
    await using db = await open();
    const make = (options: RunOptions) => () => leasing(db.prisma, options);
    expect(make({ leaseMs: 60_000, transaction: { timeoutMs: 60_001 } })).toThrow(refusal(60_000, 60_001));
    expect(make({ leaseMs: 4_999 })).toThrow(refusal(4_999, 5_000));
    expect(make({ leaseMs: 4_999 })).toThrow(TypeError);
    const engineConfig = Reflect.get(db.prisma, "_engineConfig") as object;
    Object.assign(engineConfig, { transactionOptions: { timeout: 9_000, maxWait: 9_000 } });
    expect(make({ leaseMs: 5_000 })).toThrow(refusal(5_000, 9_000));
  });

  test("is a TypeError of with(), of a completer's handler, and of the leased run", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput: true });
    expect(() => idempotency.with({ leaseMs: 1_000 })).toThrow(refusal(1_000, 5_000));
    const handlers = { "orders.pay": { handler: async () => 1, leaseMs: 1_000 } };
    expect(() => createCompleter({ idempotency, handlers })).toThrow(refusal(1_000, 5_000));
    const run = (of: typeof idempotency, more: object) => of.runLeased(paying("k", more), async () => "ran");
    await expect(run(idempotency, { leaseMs: 1_000 })).rejects.toThrow(refusal(1_000, 5_000));
    // Each of them was right where it was given.
    const short = idempotency.with({ leaseMs: 8_000 });
    const long = { transaction: { timeoutMs: 9_000 } };
    await expect(run(short, long)).rejects.toThrow(refusal(8_000, 9_000));
    await expect(run(short, long)).rejects.toThrow(TypeError);
    expect(await recordOf(db, "k")).toEqual({});
  });

  test("is no matter of a run in one transaction", async () => {
    await using db = await open();
    const short = leasing(db.prisma, { leaseMs: 8_000 });
    const run = { ...paying("k"), transaction: { timeoutMs: 9_000 } };
    expect((await short.run(run, async () => "ran")).value).toBe("ran");
  });

  test("is not refused where it is exactly as long, nor where it is the default, which is made longer", async () => {
    await using db = await open();
    leasing(db.prisma, { leaseMs: 5_000 });
    leasing(db.prisma, { leaseMs: 100, transaction: { timeoutMs: 100 } });
    const idempotency = leasing(db.prisma, { transaction: { timeoutMs: 3_600_000 } });
    await idempotency.runLeased(paying("k"), async () => {
      const { locked_until: end, created_at: begin } = await recordOf(db, "k");
      const leasedMs = Number(new Date(String(end))) - Number(new Date(String(begin)));
      expect(leasedMs).toBeGreaterThanOrEqual(3_599_999);
    });
  });
});

describe.each(databases)("LEASE_LOST on $name", ({ open }) => {
  test.each([
    ["another executor has it", "UPDATE idempotency_record SET owner = 'another'"],
    ["the record was deleted", "DELETE FROM idempotency_record"],
  ])("says takenOver where %s", async (_, sql) => {
    await using db = await open();
    const losing = leasing(db.prisma).runLeased(paying("k"), async ({ step }) => {
      await db.query(sql);
      await step("charge", () => "paid");
    });
    const { code, message, details } = await failureOf(losing);
    expect({ code, details }).toMatchObject({ code: "LEASE_LOST", details: { takenOver: true } });
    expect(message).toContain("another executor has it, or the record was deleted");
  });

  test("is what each of several steps is told, with one loss of the signal", async () => {
    await using db = await open();
    let losses = 0;
    const losing = leasing(db.prisma).runLeased(paying("k"), async ({ step, signal }) => {
      signal.addEventListener("abort", () => {
        losses += 1;
      });
      await db.query("DELETE FROM idempotency_record");
      const ends = await Promise.allSettled(["a", "b", "c"].map((name) => step(name, () => name)));
      expect(ends.map((end) => end.status === "rejected" && (end.reason as Error).name)).toEqual(
        Array(3).fill("IdempotencyError"),
      );
      throw (ends[0] as PromiseRejectedResult).reason;
    });
    expect((await failureOf(losing)).code).toBe("LEASE_LOST");
    expect(losses).toBe(1);
  });
});
