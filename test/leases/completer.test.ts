import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createCompleter } from "../../src/core/lease/completer.ts";
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
} from "./helpers.ts";

const crashed = new Error("crashed");
const storeInput = true;

/** Leaves a run behind as a crash would: claimed, its lease lapsed. */
async function abandon(
  db: Parameters<typeof lapse>[0],
  key: string,
  { input = key as unknown, operation = "orders.pay", steps = async (_: Context) => {} } = {},
): Promise<void> {
  const idempotency = leasing(db.prisma, { storeInput });
  const request = { ...paying(key, { input }), operation };
  const failing = async (context: Context) => {
    await steps(context);
    throw crashed;
  };
  await expect(idempotency.runLeased(request, failing)).rejects.toBe(crashed);
  await lapse(db);
}

describe.each(databases)("a completer on $name", ({ open }) => {
  test("brings an abandoned run to its end, from its stored input and its recorded steps", async () => {
    await using db = await open();
    const bank = service();
    const input = { items: new Map([["a", 2n]]), at: new Date(7) };
    await abandon(db, "k", { input, steps: async ({ step }) => void (await step("charge", bank.call)) });
    const idempotency = leasing(db.prisma, { storeInput });
    const seen: unknown[] = [];
    const completer = createCompleter({
      idempotency,
      handlers: {
        "orders.pay": async ({ step, transaction, key, attempt }, given: typeof input, run) => {
          seen.push(given, [key, run.key, run.scope, run.operation, run.attempt, attempt]);
          const receipt = await step("charge", bank.call);
          return transaction("book", async ({ tx }) => [(await deposit(tx, "a")).id, receipt]);
        },
      },
    });
    expect(await completer.runOnce()).toBe(1);
    expect(seen).toEqual([input, ["k", "k", "u", "orders.pay", 2, 2]]);
    expect([bank.calls.length, await countAccounts(db)]).toEqual([1, 1]);
    expect(await recordOf(db, "k")).toMatchObject({ status: "completed", locked_until: null });
    const retry = await idempotency.runLeased(paying("k", { input }), async () => "never");
    expect(retry).toEqual({ value: ["a", "paid 1"], replayed: true });
    expect(await completer.runOnce()).toBe(0);
  });

  test("leaves alone what is running, finished, expired, without stored input, or of another operation", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput });
    const { wait, arrived, open: go } = door();
    await idempotency.runLeased(paying("finished"), async () => 1);
    await abandon(db, "other", { operation: "orders.other" });
    const bare = leasing(db.prisma).runLeased(paying("bare"), () => Promise.reject(crashed));
    await expect(bare).rejects.toBe(crashed);
    await expect(idempotency.runLeased(paying("expired"), () => Promise.reject(crashed))).rejects.toBe(
      crashed,
    );
    await expire(db, "expired");
    await lapse(db);
    const running = idempotency.runLeased(paying("running"), async () => wait());
    await arrived;
    const completer = createCompleter({ idempotency, handlers: { "orders.pay": async () => "never" } });
    expect(await completer.runOnce()).toBe(0);
    go();
    await running;
  });

  test("leaves a run whose handler has just thrown to the client's retry, for a time", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput });
    await expect(idempotency.runLeased(paying("k"), () => Promise.reject(crashed))).rejects.toBe(crashed);
    const completer = createCompleter({ idempotency, handlers: { "orders.pay": async () => "completed" } });
    expect(await completer.runOnce()).toBe(0);
    await lapse(db);
    expect(await completer.runOnce()).toBe(1);
  });

  test("gives up after attemptsMax executions: the failure is stored, told, and replayed as such", async () => {
    await using db = await open();
    await abandon(db, "k");
    const idempotency = leasing(db.prisma, { storeInput });
    const told: unknown[] = [];
    let runs = 0;
    const completer = createCompleter({
      idempotency,
      handlers: {
        "orders.pay": async () => {
          runs += 1;
          throw crashed;
        },
      },
      attemptsMax: 3,
      backoffMs: 0,
      onError: (error, run) => told.push([error, run?.attempt]),
      onGiveUp: (run) => told.push(["given up", run.key]),
    });
    expect(await completer.runOnce()).toBe(3);
    expect(told).toEqual([
      [crashed, 2],
      [crashed, 3],
      ["given up", "k"],
    ]);
    expect(runs).toBe(2);
    expect(await recordOf(db, "k")).toMatchObject({ status: "failed" });
    const failure = await failureOf(idempotency.runLeased(paying("k", { input: "k" }), async () => "never"));
    expect(failure).toMatchObject({
      code: "ATTEMPTS_EXHAUSTED",
      details: { operation: "orders.pay", attempts: 3 },
      retryable: false,
    });
  });

  test("backs off per record: one that fails waits longer each time, the others go on", async () => {
    await using db = await open();
    await abandon(db, "bad");
    await abandon(db, "good");
    const errors: unknown[] = [];
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: {
        "orders.pay": async (_, input: string) => {
          if (input === "bad") throw crashed;
          return input;
        },
      },
      backoffMs: 60_000,
      onError: (error) => errors.push(error),
    });
    expect(await completer.runOnce()).toBe(2);
    expect(errors).toEqual([crashed]);
    expect(await recordOf(db, "good")).toMatchObject({ status: "completed" });
    const sql =
      db.provider === "sqlite"
        ? "SELECT (julianday(locked_until) - julianday('now')) * 86400 AS s FROM idempotency_record WHERE key = 'bad'"
        : "SELECT extract(epoch FROM locked_until - now())::float8 AS s FROM idempotency_record WHERE key = 'bad'";
    const [row] = await db.query(sql);
    // The second attempt failed: twice the first back-off.
    expect(Number(row?.["s"])).toBeGreaterThan(110);
    expect(Number(row?.["s"])).toBeLessThanOrEqual(120);
    // A client need not wait for it.
    const retry = await leasing(db.prisma).runLeased(paying("bad", { input: "bad" }), async () => "retried");
    expect(retry).toEqual({ value: "retried", replayed: false });
  });

  test("goes on past input that cannot be read, and past a handler of its options", async () => {
    await using db = await open();
    await abandon(db, "k");
    await abandon(db, "declined");
    await db.query("UPDATE idempotency_record SET input = 'other:1' WHERE key = 'k'");
    const declined = new Error("declined");
    const errors: unknown[] = [];
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: {
        "orders.pay": { handler: () => Promise.reject(declined), storeError: (error) => error === declined },
      },
      backoffMs: 60_000,
      onError: (error) => errors.push((error as Error).cause),
    });
    await completer.runOnce();
    expect(errors).toMatchObject([{ message: expect.stringContaining('stored by the codec "other"') }]);
    expect(await recordOf(db, "declined")).toMatchObject({ status: "failed" });
  });

  test("executes a record once, however many completers and retries there are", async () => {
    await using db = await open();
    const keys = Array.from({ length: 40 }, (_, index) => `k${index}`);
    for (const key of keys) await abandon(db, key);
    const runs: string[] = [];
    const pay = async ({ transaction, key }: Context) => {
      runs.push(key);
      return transaction("book", async ({ tx }) => (await deposit(tx, key)).id);
    };
    const options = { storeInput, waitMs: 20_000, transaction: { maxWaitMs: 20_000, timeoutMs: 20_000 } };
    // SQLite takes one client per process; test/leases has processes of their own elsewhere.
    const another = async () => (db.provider === "sqlite" ? db.prisma : db.connect());
    const others = [leasing(await another(), options), leasing(await another(), options)];
    const completers = others.map((idempotency) =>
      createCompleter({ idempotency, handlers: { "orders.pay": pay } }),
    );
    const live = leasing(db.prisma, options);
    const retries = keys.map((key) => live.runLeased(paying(key, { input: key }), pay));
    const claimed = await Promise.all(completers.map((completer) => completer.runOnce()));
    expect((await Promise.all(retries)).map(({ value }) => value)).toEqual(keys);
    expect(runs.toSorted()).toEqual(keys.toSorted());
    expect(await countAccounts(db)).toBe(40);
    expect(claimed.every((count) => count <= 40)).toBe(true);
  });

  test("is seen by a retry in its own process, which waits for it", async () => {
    await using db = await open();
    await abandon(db, "k");
    const idempotency = leasing(db.prisma, { storeInput });
    const { wait, arrived, open: go } = door();
    const completer = createCompleter({
      idempotency,
      handlers: { "orders.pay": async () => wait().then(() => "completed") },
    });
    const completing = completer.runOnce();
    await arrived;
    const retry = idempotency.runLeased(paying("k", { input: "k" }), async () => "never");
    go();
    await completing;
    expect(await retry).toEqual({ value: "completed", replayed: true });
  });

  test("works in the background from start to stop, which waits for what is under way", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput });
    const { wait, arrived, open: go } = door();
    const completer = createCompleter({
      idempotency,
      handlers: { "orders.pay": async () => wait().then(() => "completed") },
      pollMs: 20,
    });
    completer.start();
    expect(() => completer.start()).toThrow("started before");
    await abandon(db, "k");
    await arrived;
    const stopped = completer.stop();
    go();
    expect(await stopped).toBe(true);
    expect(await recordOf(db, "k")).toMatchObject({ status: "completed" });
    await abandon(db, "l");
    expect(await completer.runOnce()).toBe(0);
  });

  test("stops within its bound: the run's signal is aborted, and its lease given back", async () => {
    await using db = await open();
    await abandon(db, "k");
    const { arrived, wait, open: go } = door();
    const ended: unknown[] = [];
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: {
        "orders.pay": async ({ signal, step }) => {
          void wait();
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          return step("more", () => 1);
        },
      },
      // A second one, in the middle of claiming when it is stopped, might get what is given back.
      concurrency: 1,
      backoffMs: 0,
      onError: (error) => ended.push((error as Error).message),
    });
    completer.start();
    await arrived;
    expect(await completer.stop({ timeoutMs: 20 })).toBe(false);
    go();
    await expect.poll(() => ended).toEqual(["onceonly: the completer was stopped."]);
    await expect.poll(() => recordOf(db, "k")).toMatchObject({ status: "in_progress", owner: "" });
  });

  test("stores no error of a run that it has aborted, whatever storeError takes for an answer", async () => {
    await using db = await open();
    await abandon(db, "k");
    const idempotency = leasing(db.prisma, { storeInput, storeError: () => true });
    const { wait, arrived, open: go } = door();
    const failures: unknown[] = [];
    const completer = createCompleter({
      idempotency,
      handlers: {
        "orders.pay": async ({ signal }) => {
          await wait();
          await sleep(60_000, undefined, { signal });
        },
      },
      onError: (error) => failures.push(error),
    });
    const completed = completer.runOnce();
    await arrived;
    const stopped = completer.stop({ timeoutMs: 0 });
    go();
    await Promise.all([completed, stopped]);
    expect(failures).toMatchObject([{ name: "AbortError" }]);
    expect(await recordOf(db, "k")).toMatchObject({ status: "in_progress", owner: "" });
    const retry = await idempotency.runLeased(paying("k", { input: "k" }), async () => "paid");
    expect(retry).toEqual({ value: "paid", replayed: false });
  });

  test("may execute many at a time, without a warning of Node about listeners", async () => {
    await using db = await open();
    await Promise.all(Array.from({ length: 12 }, async (_, index) => abandon(db, `k${index}`)));
    const idempotency = leasing(db.prisma, { storeInput });
    const gate = door();
    let running = 0;
    const warnings = await warningsDuring(async () => {
      const completer = createCompleter({
        idempotency,
        concurrency: 12,
        handlers: {
          "orders.pay": async () => {
            running += 1;
            if (running === 12) gate.open();
            await gate.wait();
          },
        },
      });
      expect(await completer.runOnce()).toBe(12);
      completer.start();
      await sleep(100);
      await completer.stop();
    });
    expect(warnings).toEqual([]);
  });

  test("reports a table that is away, and goes on when it is back", async () => {
    await using db = await open();
    const errors: unknown[] = [];
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: { "orders.pay": async () => "completed" },
      pollMs: 20,
      onError: (error) => errors.push(error),
    });
    await db.query("ALTER TABLE idempotency_record RENAME TO away");
    completer.start();
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    expect((errors[0] as { code?: string }).code).toBe("STORE_MISCONFIGURED");
    await db.query("ALTER TABLE away RENAME TO idempotency_record");
    await abandon(db, "k");
    await expect.poll(async () => (await recordOf(db, "k"))["status"]).toBe("completed");
    expect(await completer.stop()).toBe(true);
  });

  test("warns by default of what failed and of what was given up", async () => {
    await using db = await open();
    await abandon(db, "k");
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: { "orders.pay": () => Promise.reject(crashed) },
      attemptsMax: 2,
      backoffMs: 0,
    });
    const warnings = await warningsDuring(() => completer.runOnce());
    expect(warnings.map(({ name, message }) => [name, message])).toEqual([
      ["OnceonlyCompleterWarning", "Resuming orders.pay failed: crashed"],
      ["OnceonlyCompleterWarning", expect.stringContaining("given up: 2 attempts failed")],
    ]);
  });

  test("goes on when a callback of its throws, with a warning", async () => {
    await using db = await open();
    await abandon(db, "k");
    await abandon(db, "l");
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: { "orders.pay": () => Promise.reject(crashed) },
      attemptsMax: 1,
      concurrency: 1,
      onGiveUp: () => {
        throw new Error("no pager");
      },
    });
    const warnings = await warningsDuring(async () => expect(await completer.runOnce()).toBe(2));
    expect(warnings.map(({ message }) => message)).toEqual([
      "A callback of a completer failed: no pager",
      "A callback of a completer failed: no pager",
    ]);
  });

  test("waits in stop for a runOnce under way too", async () => {
    await using db = await open();
    await abandon(db, "k");
    const { wait, arrived, open: go } = door();
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: { "orders.pay": async () => wait().then(() => 1) },
    });
    const once = completer.runOnce();
    await arrived;
    expect(await completer.stop({ timeoutMs: 1 })).toBe(false);
    go();
    expect([await once, await completer.stop()]).toEqual([1, true]);
  });

  test("refuses options that cannot be used, at construction", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput });
    const handlers = { "orders.pay": async () => 1 };
    const make = (options: object) => () =>
      createCompleter({ idempotency, handlers, ...options } as Parameters<typeof createCompleter>[0]);
    expect(make({ idempotency: leasing(db.prisma) })).toThrow("storeInput: true");
    expect(make({ idempotency: {} })).toThrow(
      "what createIdempotency({ prisma, storeInput: true }) returned",
    );
    expect(make({ attemptsMax: 0 })).toThrow(
      "option attemptsMax is of type number (0); give an integer from 1",
    );
    expect(make({ concurrency: 0 })).toThrow("option concurrency");
    expect(make({ pollMs: "5s" })).toThrow('option pollMs is of type string ("5s")');
    expect(make({ backoffMs: -1 })).toThrow("option backoffMs");
    expect(make({ handlers: {} })).toThrow("option handlers");
    expect(make({ handlers: { a: "no" } })).toThrow('handlers["a"]');
    expect(make({ handlers: { a: { handler: async () => 1, leaseMs: 1 } } })).toThrow("option leaseMs");
    expect(make({ onGiveUp: 1 })).toThrow("option onGiveUp");
    expect(() => leasing(db.prisma, { leaseMs: 99 })).toThrow(
      "option leaseMs is of type number (99); give an integer from 100",
    );
    expect(() => leasing(db.prisma, { storeInput: "yes" as never })).toThrow("option storeInput");
    await expect(createCompleter({ idempotency, handlers }).stop({ timeoutMs: -1 })).rejects.toThrow(
      "timeoutMs",
    );
  });
});

describe.each(databases)("an input on $name", ({ open }) => {
  test("that cannot be stored is refused before the handler runs, with its path and the remedy", async () => {
    await using db = await open();
    const idempotency = leasing(db.prisma, { storeInput });
    const request = paying("k", { input: 1, storedInput: { file: { read: () => 1 } } });
    await expect(idempotency.runLeased(request, async () => "never")).rejects.toThrow(
      "the input of orders.pay cannot be stored at .file.read",
    );
    expect(await recordOf(db, "k")).toEqual({});
    const run = idempotency.runLeased({ ...request, storeInput: false }, async () => "done");
    expect((await run).value).toBe("done");
  });
});
