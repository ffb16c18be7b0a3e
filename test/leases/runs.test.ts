import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { door, expire, failureOf, warningsDuring } from "../support/runs.ts";
import {
  type Context,
  countAccounts,
  deposit,
  lapse,
  leasing,
  paying,
  recordOf,
  service,
  stepsOf,
} from "./helpers.ts";

const declined = Object.assign(new Error("declined"), { code: "DECLINED" });

describe.each(databases)("a leased run on $name", ({ open }) => {
  test("executes once and replays its result, without running a step again", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    let runs = 0;
    const pay = async ({ step, transaction }: Context) => {
      runs += 1;
      const receipt = await step("charge", bank.call);
      const account = await transaction("book", ({ tx }) => deposit(tx, "a"));
      return { receipt, account, at: new Date(0), big: 1n };
    };
    const first = await idempotency.runLeased(paying("k"), pay);
    const second = await idempotency.runLeased(paying("k"), pay);
    expect(first).toMatchObject({ replayed: false, value: { receipt: "paid 1", at: new Date(0), big: 1n } });
    expect(second).toEqual({ ...first, replayed: true });
    expect([runs, bank.calls.length, await countAccounts(db)]).toEqual([1, 1, 1]);
    expect(await recordOf(db, "k")).toMatchObject({ status: "completed", attempt: 1, locked_until: null });
    expect(await stepsOf(db)).toEqual(["charge", "book"]);
  });

  test("that failed gives its lease back: the next retry executes at once, and finds the recorded steps", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const attempts: number[] = [];
    const pay = async ({ step, transaction, attempt }: Context) => {
      attempts.push(attempt);
      const receipt = await step("charge", bank.call);
      await transaction("book", ({ tx }) => deposit(tx, "a"));
      if (attempt < 3) throw new Error(`attempt ${attempt} failed`);
      return receipt;
    };
    await expect(idempotency.runLeased(paying("k"), pay)).rejects.toThrow("attempt 1 failed");
    await expect(idempotency.runLeased(paying("k"), pay)).rejects.toThrow("attempt 2 failed");
    expect(await idempotency.runLeased(paying("k"), pay)).toEqual({ value: "paid 1", replayed: false });
    expect([attempts, bank.calls.length, await countAccounts(db)]).toEqual([[1, 2, 3], 1, 1]);
  });

  test("is taken over once its lease has lapsed, by a process that knows nothing of it", async () => {
    await using db = await open();
    const [lost, next] = [leasing(db.prisma), leasing(await db.connect())];
    const bank = service();
    const { wait, arrived, open: go } = door();
    const abandoned = lost.runLeased(paying("k"), async ({ step }) => {
      await step("charge", bank.call);
      await wait();
      return "the first";
    });
    await arrived;
    await expect(next.runLeased(paying("k", { waitMs: 60 }), async () => "too early")).rejects.toMatchObject({
      code: "IN_PROGRESS",
    });
    await lapse(db);
    const second = await next.runLeased(paying("k"), async ({ step, attempt }) => [
      await step("charge", bank.call),
      attempt,
    ]);
    expect(second).toEqual({ value: ["paid 1", 2], replayed: false });
    go();
    expect((await failureOf(abandoned)).code).toBe("LEASE_LOST");
    expect((await next.runLeased(paying("k"), async () => "again")).value).toEqual(["paid 1", 2]);
  });

  test("with another input is refused, finished, running or abandoned", async () => {
    await using db = await open();
    const [one, two] = [leasing(db.prisma), leasing(await db.connect())];
    const { wait, arrived, open: go } = door();
    const running = one.runLeased(paying("k", { input: 1 }), async () => wait());
    await arrived;
    const other = () => failureOf(two.runLeased(paying("k", { input: 2 }), async () => "never"));
    expect((await other()).code).toBe("KEY_REUSED");
    go();
    await running;
    expect((await other()).code).toBe("KEY_REUSED");
    await expect(one.runLeased(paying("f", { input: 1 }), () => Promise.reject(declined))).rejects.toBe(
      declined,
    );
    const reused = failureOf(two.runLeased(paying("f", { input: 2 }), async () => "never"));
    expect((await reused).code).toBe("KEY_REUSED");
  });

  test("waits for one in another process by polling, and takes its answer", async () => {
    await using db = await open();
    const [one, two] = [leasing(db.prisma), leasing(await db.connect())];
    const { wait, arrived, open: go } = door();
    const first = one.runLeased(paying("k"), async () => {
      await wait();
      return "answer";
    });
    await arrived;
    const duplicates = Array.from({ length: 20 }, () => two.runLeased(paying("k"), async () => "never"));
    await expect(
      two.runLeased(paying("k", { onDuplicate: "reject" }), async () => "never"),
    ).rejects.toMatchObject({
      code: "IN_PROGRESS",
      retryable: true,
    });
    go();
    expect((await first).replayed).toBe(false);
    expect(new Set((await Promise.all(duplicates)).map(({ value }) => value))).toEqual(new Set(["answer"]));
  });

  test("rejects a duplicate at once where duplicates do not wait, from another process too", async () => {
    await using db = await open();
    const [one, two] = [leasing(db.prisma), leasing(await db.connect(), { onDuplicate: "reject" })];
    const { wait, arrived, open: go } = door();
    const first = one.runLeased(paying("k"), async () => wait());
    await arrived;
    expect((await failureOf(two.runLeased(paying("k"), async () => "never"))).code).toBe("IN_PROGRESS");
    go();
    await first;
  });

  test("stores an expected error, for every duplicate", async () => {
    await using db = await open();
    const storeError = (error: unknown) => error === declined || (error as Error).message === "declined";
    const idempotency = leasing(db.prisma, { storeError });
    let runs = 0;
    const pay = async () => {
      runs += 1;
      throw declined;
    };
    const first = await idempotency.runLeasedSettled(paying("k"), pay);
    expect(first).toEqual({ status: "failed", error: declined, replayed: false });
    const second = await idempotency.runLeasedSettled(paying("k"), pay);
    expect(second).toMatchObject({
      status: "failed",
      error: { message: "declined", code: "DECLINED" },
      replayed: true,
    });
    expect(runs).toBe(1);
  });

  test("holds off a run of the same key in mode transaction, which takes over once it is given back", async () => {
    await using db = await open();
    const [one, two] = [leasing(db.prisma), leasing(await db.connect())];
    const { wait, arrived, open: go } = door();
    const first = one.runLeased(paying("k"), async () => {
      await wait();
      throw declined;
    });
    await arrived;
    const second = two.run(paying("k"), async ({ tx, attempt }) => [(await deposit(tx, "a")).id, attempt]);
    await expect(two.run(paying("k2", { waitMs: 0 }), async () => "free")).resolves.toMatchObject({
      value: "free",
    });
    go();
    await expect(first).rejects.toBe(declined);
    expect((await second).value).toEqual(["a", 2]);
    expect((await one.runLeased(paying("k"), async () => "never")).value).toEqual(["a", 2]);
  });

  test("replays what a run in one transaction has stored, and the other way round", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    await idempotency.run(paying("a"), async () => "one transaction");
    await idempotency.runLeased(paying("b"), async () => "leased");
    const never = async () => "never";
    expect(await idempotency.runLeased(paying("a"), never)).toEqual({
      value: "one transaction",
      replayed: true,
    });
    expect(await idempotency.run(paying("b"), never)).toEqual({ value: "leased", replayed: true });
  });

  test("starts anew after its retention: steps of the former record do not count", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const pay = ({ step }: Context) => step("charge", bank.call);
    expect((await idempotency.runLeased(paying("k"), pay)).value).toBe("paid 1");
    await db.prisma.idempotencyRecord.updateMany({ data: { expiresAt: new Date(0) } });
    const failing = async (context: Context) => {
      await pay(context);
      throw declined;
    };
    await expect(leasing(db.prisma).runLeased(paying("k"), failing)).rejects.toBe(declined);
    expect(await leasing(db.prisma).runLeased(paying("k"), pay)).toEqual({
      value: "paid 2",
      replayed: false,
    });
  });

  test("is pruned with its steps after its retention, but not while it is running", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    await idempotency.runLeased(paying("old"), ({ step }) => step("charge", () => 1));
    const { wait, arrived, open: go } = door();
    const running = idempotency.runLeased(paying("k"), async ({ step }) => {
      await step("charge", () => 2);
      await wait();
      return step("ship", () => 3);
    });
    await arrived;
    await expire(db);
    expect(await idempotency.prune()).toBe(1);
    expect(await stepsOf(db)).toEqual(["charge"]);
    go();
    expect((await running).value).toBe(3);
    await expire(db);
    expect(await idempotency.prune()).toBe(1);
    expect(await stepsOf(db)).toEqual([]);
  });

  test("ends its heartbeat with the handler: nothing renews a finished record", async () => {
    await using db = await open();
    const statements: string[] = [];
    const idempotency = leasing(await db.connect({ log: (text) => statements.push(text) }), {
      leaseMs: 2_400,
      transaction: { timeoutMs: 2_400 },
    });
    const renewals = () => statements.filter((text) => /SET ["`]locked_until["`] =/.test(text)).length;
    await idempotency.runLeased(paying("k"), async () => {
      await expect.poll(renewals).toBeGreaterThanOrEqual(2);
    });
    await expect(idempotency.runLeased(paying("f"), () => Promise.reject(declined))).rejects.toBe(declined);
    const before = renewals();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(renewals()).toBe(before);
  });

  test("keeps its lease for as long as it runs, well past leaseMs", async () => {
    await using db = await open();
    const one = leasing(db.prisma, { leaseMs: 2_400, transaction: { timeoutMs: 2_400 } });
    const two = leasing(await db.connect(), { waitMs: 120_000 });
    let runs = 0;
    const slow = async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 3_600));
      return runs;
    };
    const both = await Promise.all([one.runLeased(paying("k"), slow), two.runLeased(paying("k"), slow)]);
    expect(both.map(({ value }) => value)).toEqual([1, 1]);
  });

  test("without a key runs its steps, and leaves no record", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const run = () =>
      idempotency.runLeasedUnkeyed(async ({ step, transaction, key, attempt }) => {
        const receipt = await step("charge", bank.call);
        const { id } = await transaction("book", ({ tx, key: own }) => deposit(tx, own));
        await expect(step("charge", bank.call)).rejects.toThrow('uses the step name "charge" twice');
        return { receipt, id, key, attempt };
      });
    expect(await run()).toMatchObject({ receipt: "paid 1", key: undefined, attempt: 1 });
    expect(await run()).toMatchObject({ receipt: "paid 2" });
    expect(new Set(bank.calls).size).toBe(2);
    expect([await countAccounts(db), await recordOf(db, "k")]).toEqual([2, {}]);
  });

  test("whose result cannot be stored fails with its path; steps are kept for the next version of the handler", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const bank = service();
    const failure = await failureOf(
      idempotency.runLeased(paying("k"), async ({ step }) => {
        await step("charge", bank.call);
        return { done: () => "no data" };
      }),
    );
    expect(failure).toMatchObject({ code: "RESULT_UNSTORABLE", details: { path: ".done" } });
    const fixed = await idempotency.runLeased(paying("k"), ({ step }) => step("charge", bank.call));
    expect(fixed).toEqual({ value: "paid 1", replayed: false });
  });

  test("does not warn, and rejects with the handler's own error", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma);
    const warnings = await warningsDuring(() =>
      expect(idempotency.runLeased(paying("k"), () => Promise.reject(declined))).rejects.toBe(declined),
    );
    expect(warnings).toEqual([]);
  });
});
