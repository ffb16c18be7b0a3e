import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { bundleOf } from "../support/bundle.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { type Gate, gate } from "../support/gate.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const REQUEST = { operation: "work", key: "k", scope: "u" };
const isRenewal = (statement: string) => /^UPDATE \S+ SET ["`]?locked_until["`]? = /.test(statement);

describe.concurrent.each(databases)("heartbeats on $name", ({ open }) => {
  test("come every third of the lease while the run lasts, and none after it, however it ends", async ({
    expect,
  }) => {
    // Two thirds of it are time enough for a busy machine.
    const LEASE_MS = 6_000;
    const LEASE = { leaseMs: LEASE_MS, transaction: { timeoutMs: LEASE_MS } };
    await using database = await open();
    /** A client of its own, and how many renewals it has sent. */
    const counted = async () => {
      const sent = { renewals: 0 };
      const log = (statement: string) => {
        if (isRenewal(statement)) sent.renewals += 1;
      };
      const prisma = await database.connect({ log });
      // With a connection, which takes its time on a busy machine.
      await prisma.order.count();
      return { sent, idempotency: createIdempotency({ prisma, ...LEASE }) };
    };
    const { sent, idempotency } = await counted();
    const beats = (of: typeof sent, more: number) => {
      const until = of.renewals + more;
      return eventually(() => expect(of.renewals).toBeGreaterThanOrEqual(until));
    };
    const ends = {
      completed: async () => "done",
      released: () => Promise.reject(new Error("a bug")),
      taken: async () => {
        await database.query("UPDATE idempotency_record SET owner = 'another' WHERE key = 'taken'");
        return new Promise(() => {});
      },
    };
    // Another run of this process, whose heartbeats go on: what comes of one timer would come of the other.
    const other = await counted();
    const done = gate();
    const going = other.idempotency.runLeased({ ...REQUEST, key: "going" }, () => done.opened);
    going.catch(() => {});
    for (const [key, end] of Object.entries(ends)) {
      const began = performance.now();
      sent.renewals = 0;
      const run = idempotency.runLeased({ ...REQUEST, key }, async () => {
        await beats(sent, 2);
        return end();
      });
      const outcome = await run.then(({ value }) => value, String);
      const after = sent.renewals;
      expect(outcome).toMatch(/done|a bug|was lost/);
      // A third one finds that the run is another's, unless a busy machine has let the lease lapse before.
      expect(after).toBeGreaterThanOrEqual(2);
      expect(after).toBeLessThanOrEqual((performance.now() - began) / (LEASE_MS / 3));
      await beats(other.sent, 2);
      expect([key, sent.renewals]).toEqual([key, after]);
    }
    done.open();
    await going;
  });
});

/** An idle pool of the driver of MariaDB keeps its process by itself. */
const leavingProcesses = databases.filter(({ name }) => name !== "mariadb");

describe.each(leavingProcesses)("heartbeats on $name", ({ name, open }) => {
  test.for([3_000, 60_000])(
    "do not keep a process alive that has nothing else to do, with a lease of %i ms",
    async (leaseMs, { onTestFinished }) => {
      await using database = await open();
      const script = fileURLToPath(bundleOf(new URL("idle-process.ts", import.meta.url)));
      const child = spawn(process.execPath, [script, name, database.url, String(leaseMs)], {
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

describe.runIf(onPostgres).concurrent("a heartbeat whose connection is lost", () => {
  const LEASE_MS = 2_400;

  /** A run under way, that stands in a step until it is let go. */
  async function openRun(leaseMs = LEASE_MS) {
    const database = await openPostgres();
    const proxy = await openProxy(database.url);
    let renewals = 0;
    const log = (statement: string) => {
      if (isRenewal(statement)) renewals += 1;
    };
    const prisma = await database.connect({ url: proxy.url, log });
    const idempotency = createIdempotency({ prisma, leaseMs, transaction: { timeoutMs: leaseMs } });
    const inside = gate();
    const go: Gate = gate();
    const aborted: Gate = gate();
    let isAborted = false;
    const outcome = idempotency
      .runLeased(REQUEST, ({ step, signal }) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
          aborted.open();
        });
        return step("work", async () => {
          inside.open();
          await go.opened;
          return "done";
        });
      })
      .then(
        ({ value }) => ({ value }),
        (error: { code?: string; details?: { takenOver?: boolean } }) => ({
          code: error.code,
          takenOver: error.details?.takenOver,
        }),
      );
    await inside.opened;
    return {
      database,
      proxy,
      renewals: () => renewals,
      outcome,
      go: go.open,
      aborted: aborted.opened,
      isAborted: () => isAborted,
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
      if (how === "cut") {
        run.proxy.refusing = true;
        run.proxy.cutAll();
      } else {
        run.proxy.silent = true;
      }
      const [record] = await run.database.query(
        "SELECT extract(epoch FROM locked_until - clock_timestamp())::float8 * 1000 AS left FROM idempotency_record",
      );
      const left = Number(record?.["left"]);
      expect(left).toBeGreaterThan(0);
      // A timer of this process, which is as late as that of the run on a busy machine.
      const lapsed = sleep(left + 50).then(() => "lapsed");
      expect(await Promise.race([run.aborted.then(() => "aborted"), lapsed])).toBe("aborted");
      expect(await run.outcome).toEqual({ code: "LEASE_LOST", takenOver: false });
      run.go();
    },
  );

  test("does not take a lease for lost whose run is over, while the answer to its result is on its way", async () => {
    const leaseMs = 9_000;
    await using run = await openRun(leaseMs);
    const result = run.proxy.intercept(/^UPDATE \S*idempotency_record"? SET "?status"? = \$3/, "answered");
    run.go();
    await result.reached;
    // A heartbeat would fall into it, and the lease has half of its time left.
    await sleep(leaseMs / 2);
    result.release();
    expect(await run.outcome).toMatchObject({ value: "done" });
    expect(run.isAborted()).toBe(false);
  });

  test.for(["cut", "silent"] as const)("(%s) for a moment only is not lost", async (how, { expect }) => {
    await using run = await openRun(6_000);
    const lease = () => run.database.query("SELECT locked_until FROM idempotency_record");
    const before = await lease();
    if (how === "cut") {
      run.proxy.refusing = true;
      run.proxy.cutAll();
    } else {
      run.proxy.silent = true;
    }
    // Until one heartbeat has fallen into it, with two thirds of the lease left.
    const sent = run.renewals();
    await eventually(() => expect(run.renewals()).toBeGreaterThan(sent));
    expect(await lease()).toEqual(before);
    run.proxy.refusing = false;
    run.proxy.silent = false;
    await eventually(async () => expect(await lease()).not.toEqual(before));
    expect(run.isAborted()).toBe(false);
    run.go();
    expect(await run.outcome).toMatchObject({ value: "done" });
  });
});
