import { describe, expect, test } from "vitest";
import type { AbandonedRun } from "../../src/core/contract/idempotency.ts";
import { type Codec, devalueCodec } from "../../src/core/contract/options/codec.ts";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { resumedIdentity } from "../../src/core/lease/abandoned-runs.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";
import { listen } from "../events/listen.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { failureOf, warningsDuring } from "../support/runs.ts";
import { countAccounts, deposit, lapse, leasing, paying, type Tx } from "./helpers.ts";

const storeInput = true;
const unowned = "UPDATE idempotency_record SET owner = 'another'";

async function abandon(db: TestDatabase): Promise<void> {
  const crash = () => Promise.reject(new Error("crashed"));
  await expect(
    leasing(db.prisma, { storeInput }).runLeased(paying("k", { input: 1 }), crash),
  ).rejects.toThrow("crashed");
  await lapse(db);
}

describe.each(databases)("a leased run on $name", ({ open }) => {
  test("whose handler throws what is no Error hands that on", async () => {
    await using db = await open();
    const run = leasing(db.prisma).runLeased(paying("k"), () => Promise.reject("text" as never));
    await expect(run).rejects.toBe("text");
  });

  test("that loses its claim inside a transaction commits nothing of it", async () => {
    await using db = await open();
    const run = leasing(db.prisma).runLeased(paying("k"), ({ transaction }) =>
      transaction("one", async ({ tx }) => {
        await deposit(tx, "a");
        await tx.$executeRawUnsafe(unowned);
      }),
    );
    expect([(await failureOf(run)).code, await countAccounts(db)]).toEqual(["LEASE_LOST", 0]);
  });

  test("that is resumed after somebody else took it over is lost before its handler", async () => {
    await using db = await open();
    await abandon(db);
    const idempotency = leasing(db.prisma, { storeInput });
    const abandoned = await idempotency.abandoned.claim(["orders.pay"]);
    await db.query(unowned);
    let runs = 0;
    const resume = idempotency.abandoned.resume(
      abandoned as AbandonedRun,
      () => idempotency.runLeased(paying("k", { input: 1 }), async () => (runs += 1)),
      { retryDelayMs: 0 },
    );
    expect([(await failureOf(resume)).code, runs]).toEqual(["LEASE_LOST", 0]);
  });

  test("that is resumed by a completer which has stopped finds its signal aborted", async () => {
    await using db = await open();
    await abandon(db);
    const idempotency = leasing(db.prisma, { storeInput });
    const abandoned = await idempotency.abandoned.claim(["orders.pay"]);
    const aborted: boolean[] = [];
    await idempotency.abandoned.resume(
      abandoned as AbandonedRun,
      () =>
        idempotency.runLeased(paying("k", { input: 1 }), async ({ signal }) => aborted.push(signal.aborted)),
      { retryDelayMs: 0, signal: AbortSignal.abort() },
    );
    expect(aborted).toEqual([true]);
  });

  test("that is resumed twice by one completer is executed once, and replayed after that", async () => {
    await using db = await open();
    await abandon(db);
    const idempotency = leasing(db.prisma, { storeInput });
    const abandoned = await idempotency.abandoned.claim(["orders.pay"]);
    const identities: unknown[] = [];
    const look = (operation = "orders.pay") => identities.push(resumedIdentity(operation)?.key);
    let runs = 0;
    const pay = () => idempotency.runLeased(paying("k", { input: 1 }), async () => (runs += 1));
    look();
    const work = async () => {
      look();
      look("orders.refund");
      const another = await idempotency.runLeased(paying("l"), async ({ attempt }) => attempt);
      const ends = [await pay(), await pay()];
      look();
      expect(another.value).toBe(1);
      expect(ends.map(({ replayed }) => replayed)).toEqual([false, true]);
    };
    await idempotency.abandoned.resume(abandoned as AbandonedRun, work, { retryDelayMs: 0 });
    // Whoever asks after the run was begun is about another one.
    expect([runs, identities]).toEqual([1, [undefined, "k", undefined, undefined]]);
  });

  test("that is resumed hands on what its handler failed with", async () => {
    await using db = await open();
    await abandon(db);
    const idempotency = leasing(db.prisma, { storeInput });
    const abandoned = await idempotency.abandoned.claim(["orders.pay"]);
    const failure = new Error("no answer from bank.example.");
    const resumed = (work: () => Promise<unknown>) =>
      idempotency.abandoned.resume(abandoned as AbandonedRun, work, { retryDelayMs: 0 });
    const failing = () => idempotency.runLeased(paying("k", { input: 1 }), () => Promise.reject(failure));
    await expect(resumed(failing)).rejects.toBe(failure);
    // Nothing was begun: the reason is said, with one full stop.
    await expect(resumed(() => Promise.reject(failure))).rejects.toMatchObject({
      message:
        "onceonly: orders.pay was not resumed: no answer from bank.example " +
        "(no leased run of its key, scope and operation was begun).",
      cause: failure,
    });
    await expect(resumed(async () => "nothing")).rejects.toThrow(
      "onceonly: orders.pay was not resumed: no leased run of its key, scope and operation was begun.",
    );
  });

  test("that a completer did not begin is given back at once", async () => {
    await using db = await open();
    await abandon(db);
    // Longer than anybody waits below: only what is given back can be claimed.
    const { abandoned } = leasing(db.prisma, { storeInput, leaseMs: 3_600_000 });
    const claim = () => abandoned.claim(["orders.pay"]);
    const nothing = abandoned.resume((await claim()) as AbandonedRun, async () => 1, { retryDelayMs: 0 });
    await expect(nothing).rejects.toThrow("orders.pay was not resumed");
    // Of the database's clock, which may stand at the very moment.
    await expect.poll(claim).toMatchObject({ key: "k", attempt: 3 });
  });

  test("is claimed by a completer although others write at the same time", async () => {
    await using db = await open();
    await abandon(db);
    const store = createPrismaStore({ prisma: db.prisma });
    let conflicts = 3;
    const busy: Store<Tx> = Object.create(store, {
      leases: {
        get: () =>
          new Proxy(store.leases, {
            get: (leases, name) => {
              const value = Reflect.get(leases, name, leases) as (...args: unknown[]) => unknown;
              if (name !== "claimAbandoned" || conflicts === 0) return value.bind(leases);
              conflicts -= 1;
              return async () => Promise.reject(new StoreError("write_conflict", "busy"));
            },
          }),
      },
      faultOf: { value: (error: unknown) => store.faultOf(error) },
    }) as Store<Tx>;
    const claimed = await idempotencyOver(busy).abandoned.claim(["orders.pay"]);
    expect([claimed?.key, conflicts]).toEqual(["k", 0]);
  });

  test("whose COMMIT has no answer, and whose lease is another's when it asks, is lost", async () => {
    await using db = await open();
    const store = createPrismaStore({ prisma: db.prisma });
    let renewals = 0;
    const forgetful: Store<Tx> = Object.create(store, {
      transaction: {
        value: async (...args: Parameters<typeof store.transaction>) => {
          await store.transaction(...args);
          await db.query(unowned);
          throw new StoreError("unavailable", "no answer");
        },
      },
      leases: {
        get: () =>
          new Proxy(store.leases, {
            get: (leases, name) => {
              const value = Reflect.get(leases, name, leases) as (...args: unknown[]) => unknown;
              // The heartbeat's, which would notice the loss first.
              if (name !== "renew" || renewals++ > 0) return value.bind(leases);
              return async () => Promise.reject(new StoreError("unavailable", "no answer"));
            },
          }),
      },
      runningHandler: { value: () => store.runningHandler() },
      faultOf: { value: (error: unknown) => store.faultOf(error) },
    }) as Store<Tx>;
    const run = idempotencyOver(forgetful).runLeased(paying("k"), ({ transaction }) =>
      transaction("one", async () => 1),
    );
    expect((await failureOf(run)).code).toBe("LEASE_LOST");
  });
});

test("a run that somebody else took over while it was to be given up is not reported as given up", async () => {
  await using db = await openSqlite();
  await abandon(db);
  await db.query("UPDATE idempotency_record SET attempt = 5");
  const idempotency = leasing(db.prisma, { storeInput });
  const { abandoned } = idempotency;
  const givenUp: AbandonedRun[] = [];
  const completer = createCompleter({
    idempotency: {
      ...idempotency,
      abandoned: {
        ...abandoned,
        async claim(operations) {
          const run = await abandoned.claim(operations);
          await db.query(unowned);
          return run;
        },
      },
    },
    handlers: { "orders.pay": async () => 1 },
    attemptsMax: 1,
    onGiveUp: (run) => givenUp.push(run),
  });
  using events = listen();
  expect(await completer.runOnce()).toBe(1);
  expect(givenUp).toEqual([]);
  expect(events.heard.map(([name]) => name)).not.toContain("given-up");
});

test("a run that is given up says after how many attempts", async () => {
  await using db = await openSqlite();
  await abandon(db);
  const idempotency = leasing(db.prisma, { storeInput });
  const run = await idempotency.abandoned.claim(["orders.pay"]);
  using events = listen();
  expect(await idempotency.abandoned.giveUp(run as AbandonedRun, {})).toBe(true);
  expect(events.take()).toMatchObject([["given-up", { operation: "orders.pay", attempts: 1 }]]);
  expect(await failureOf(idempotency.runLeased(paying("k", { input: 1 }), async () => 1))).toMatchObject({
    code: "ATTEMPTS_EXHAUSTED",
    message: "orders.pay was given up after 1 attempts, none of which came to an end.",
  });
});

describe("misuse of what completers are made of", () => {
  test("is told: no options, a run of another object", async () => {
    await using db = await openSqlite();
    expect(() => createCompleter(null as never)).toThrow("onceonly: option (the first argument)");
    const { abandoned } = leasing(db.prisma);
    expect(() => abandoned.resume({} as AbandonedRun, async () => 1, { retryDelayMs: 0 })).toThrow(
      "not one that this object has claimed",
    );
  });

  test("a completer that cannot look for runs warns by default", async () => {
    await using db = await openSqlite();
    await db.query("DROP TABLE idempotency_record");
    const completer = createCompleter({
      idempotency: leasing(db.prisma, { storeInput }),
      handlers: { "orders.pay": async () => 1 },
      pollMs: 10,
    });
    const warnings = await warningsDuring(async () => {
      completer.start();
      await new Promise((resolve) => process.once("warning", resolve));
      await completer.stop();
    });
    expect(String(warnings[0])).toContain("Looking for abandoned runs failed");
  });
});

describe("a codec that throws", () => {
  const failing = (error: unknown): Codec => ({
    ...devalueCodec,
    encode() {
      throw error;
    },
  });

  test.each([new Error("cannot"), "cannot"])("%s: RESULT_UNSTORABLE without a path", async (error) => {
    await using db = await openSqlite();
    const codec = failing(error);
    const failure = await failureOf(leasing(db.prisma, { codec }).run(paying("k"), async () => 1));
    expect(failure).toMatchObject({ code: "RESULT_UNSTORABLE", details: { operation: "orders.pay" } });
    expect(failure.message).toContain("cannot be stored (the error that it met is the cause of this one)");
    expect(failure.cause).toBe(error);
  });

  test("or gives no text: RESULT_UNSTORABLE, which says what it gave", async () => {
    await using db = await openSqlite();
    const codec = { ...devalueCodec, encode: () => ({}) as string };
    const failure = await failureOf(leasing(db.prisma, { codec }).run(paying("k"), async () => 1));
    expect(failure.code).toBe("RESULT_UNSTORABLE");
    expect(failure.message).toContain("codec.encode returned object instead of a string");
  });

  test("on an input that is to be stored: a TypeError that names the option", async () => {
    await using db = await openSqlite();
    const codec = failing(new Error("cannot"));
    const run = leasing(db.prisma, { codec, storeInput }).runLeased(paying("k"), async () => 1);
    await expect(run).rejects.toThrow(/input of orders\.pay cannot be stored, .* storeInput: false/);
  });
});

test("a file of the input that cannot be read fails the run with its own error", async () => {
  await using db = await openSqlite();
  const gone = new Error("the upload is gone");
  const file = { name: "a", type: "", size: 1, arrayBuffer: () => Promise.reject(gone) };
  const run = leasing(db.prisma).run({ ...paying("k"), input: { file } }, async () => 1);
  await expect(run).rejects.toBe(gone);
});
