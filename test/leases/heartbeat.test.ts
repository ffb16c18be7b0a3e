import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { type Gate, gate } from "../support/gate.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const REQUEST = { operation: "work", key: "k", scope: "u" };
const isRenewal = (statement: string) => /^UPDATE \S+ SET "?locked_until"? = /.test(statement);

describe.each(databases)("heartbeats on $name", { timeout: 60_000 }, ({ name, open }) => {
  test("come every third of the lease while the run lasts, and none after it, however it ends", async () => {
    const renewals: number[] = [];
    const log = (statement: string) => {
      if (isRenewal(statement)) renewals.push(performance.now());
    };
    await using database = await open({ log });
    const idempotency = createIdempotency({ prisma: database.prisma, leaseMs: 1_200 });
    await database.prisma.order.count();
    renewals.length = 0;
    const began = performance.now();
    const beats = (count: number) => expect.poll(() => renewals.length, { timeout: 10_000 }).toBe(count);
    const ends = {
      completed: async () => "done",
      released: () => Promise.reject(new Error("a bug")),
      taken: async () => {
        await database.query("UPDATE idempotency_record SET owner = 'another'");
        return new Promise(() => {});
      },
    };
    for (const [key, end] of Object.entries(ends)) {
      renewals.length = 0;
      const run = idempotency.runLeased({ ...REQUEST, key }, async () => {
        await beats(2);
        return end();
      });
      const outcome = await run.then(({ value }) => value, String);
      const after = renewals.length;
      expect([outcome, after]).toEqual([
        expect.stringMatching(/done|a bug|was lost/),
        key === "taken" ? 3 : 2,
      ]);
      await sleep(1_000);
      expect([key, renewals.length]).toEqual([key, after]);
    }
    expect(performance.now() - began).toBeGreaterThan(3 * 800);
  });

  test.each([300, 60_000])(
    "do not keep a process alive that has nothing else to do, with a lease of %i ms",
    async (leaseMs) => {
      await using database = await open();
      const script = fileURLToPath(new URL("idle-process.ts", import.meta.url));
      const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
      const child = spawn(process.execPath, ["--import", tsx, script, name, database.url, String(leaseMs)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const exited = once(child, "exit");
      const said = text(child.stdout);
      const [code, signal] = await exited;
      expect({ said: await said, code, signal }).toEqual({ said: "began\n", code: 0, signal: null });
      const records = await database.query("SELECT status FROM idempotency_record");
      expect(records).toEqual([{ status: "in_progress" }]);
    },
  );
});

describe.runIf(onPostgres)("a heartbeat whose connection is lost", { timeout: 60_000 }, () => {
  const LEASE_MS = 1_200;

  /** A run under way, that stands in a step until it is let go. */
  async function openRun() {
    const database = await openPostgres();
    const proxy = await openProxy(database.url);
    const prisma = await database.connect({ url: proxy.url });
    const idempotency = createIdempotency({ prisma, leaseMs: LEASE_MS });
    const inside = gate();
    const go: Gate = gate();
    let abortedAt: number | undefined;
    const outcome = idempotency
      .runLeased(REQUEST, ({ step, signal }) => {
        signal.addEventListener("abort", () => {
          abortedAt = performance.now();
        });
        return step("work", async () => {
          inside.open();
          await go.opened;
          return "done";
        });
      })
      .then(
        ({ value }) => ({ value, at: performance.now() }),
        (error: { code?: string }) => ({ code: error.code, at: performance.now() }),
      );
    await inside.opened;
    return {
      database,
      proxy,
      outcome,
      go: go.open,
      abortedAt: () => abortedAt,
      async [Symbol.asyncDispose]() {
        go.open();
        proxy.silent = false;
        proxy.refusing = false;
        await proxy[Symbol.asyncDispose]();
        await database[Symbol.asyncDispose]();
      },
    };
  }

  test.each(["cut", "silent"] as const)(
    "(%s) ends the run with LEASE_LOST, and aborts its signal, before another could take over",
    async (how) => {
      await using run = await openRun();
      const lostAt = performance.now();
      if (how === "cut") {
        run.proxy.refusing = true;
        run.proxy.cutAll();
      } else {
        run.proxy.silent = true;
      }
      const end = await run.outcome;
      expect(end).toMatchObject({ code: "LEASE_LOST" });
      const [record] = await run.database.query(
        "SELECT locked_until > clock_timestamp() - interval '500 ms' AS close FROM idempotency_record",
      );
      // On a busy machine the timer may be late, by no more than that.
      expect(record).toEqual({ close: true });
      expect(end.at - lostAt).toBeLessThan(LEASE_MS + 500);
      expect((run.abortedAt() ?? Infinity) - lostAt).toBeLessThan(LEASE_MS + 500);
      run.go();
    },
  );

  test("does not take a lease for lost whose run is over, while the answer to its result is on its way", async () => {
    await using run = await openRun();
    const result = run.proxy.intercept(/^UPDATE \S*idempotency_record"? SET "?status"? = \$3/, "answered");
    run.go();
    await result.reached;
    // A heartbeat would fall into it.
    await sleep(LEASE_MS / 2);
    result.release();
    expect(await run.outcome).toMatchObject({ value: "done" });
    expect(run.abortedAt()).toBeUndefined();
  });

  test.each(["cut", "silent"] as const)("(%s) for a moment only is not lost", async (how) => {
    await using run = await openRun();
    const lease = () => run.database.query("SELECT locked_until FROM idempotency_record");
    const before = await lease();
    if (how === "cut") {
      run.proxy.refusing = true;
      run.proxy.cutAll();
    } else {
      run.proxy.silent = true;
    }
    // One heartbeat falls into it.
    await sleep(LEASE_MS / 2);
    expect(await lease()).toEqual(before);
    run.proxy.refusing = false;
    run.proxy.silent = false;
    await expect.poll(lease, { timeout: 10_000 }).not.toEqual(before);
    expect(run.abortedAt()).toBeUndefined();
    run.go();
    expect(await run.outcome).toMatchObject({ value: "done" });
  });
});
