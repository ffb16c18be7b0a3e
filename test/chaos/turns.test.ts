/** What many runs that wait for one database do to each other. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { PreparedRun } from "../../src/core/request/prepare.ts";
import { Outage, Waiting } from "../../src/core/retry/outage.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { idempotencyOf, request, warningsDuring } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const TURNS = 16;

/** A run that waits for so long. */
const waitingAt = (outage: Outage, outageMs: number) =>
  new Waiting(outage, { outageDeadline: performance.now() + outageMs } as PreparedRun);

/** So many runs that have met the same outage, and wait. */
function waitingRuns(count: number, outageMs = 60_000) {
  const outage = new Outage();
  waitingAt(outage, 0).answered();
  const asking: number[] = [];
  const runs = Array.from({ length: count }, (_, number) => {
    const waiting = waitingAt(outage, outageMs);
    const ended = waiting.out("unavailable", 0).then((isAsking) => {
      if (isAsking) asking.push(number);
      return isAsking;
    });
    return { waiting, ended };
  });
  return { outage, asking, runs };
}

test("a few of many waiting runs ask for the database, and each leaves its turn to the next", async () => {
  const { asking, runs } = waitingRuns(40);
  await eventually(() => expect(asking).toHaveLength(TURNS));
  // A retry keeps its turn.
  expect(await runs[0]?.waiting.out("unavailable", 0)).toBe(true);
  expect(asking).toHaveLength(TURNS);
  for (const { waiting, ended } of runs) {
    expect(await ended).toBe(true);
    waiting.answered();
    waiting.end();
  }
  // All turns are free again, and no more than there were.
  expect(asking.toSorted((a, b) => a - b)).toEqual(runs.map((_, number) => number));
});

test("a run whose earlier attempt is answered while it waits goes on", async () => {
  const { outage } = waitingRuns(0);
  const waiting = waitingAt(outage, 60_000);
  const going = waiting.out("unavailable", 4);
  await turn();
  waiting.answered();
  expect(await going).toBe(true);
});

test("a run whose time is over before its turn came waits no longer, and takes nobody's turn", async () => {
  const { outage, runs } = waitingRuns(TURNS);
  await Promise.all(runs.map(({ ended }) => ended));
  const late = waitingAt(outage, 20);
  expect(await late.out("unavailable", 0)).toBe(false);
  const next = waitingAt(outage, 60_000).out("unavailable", 0);
  runs[0]?.waiting.end();
  expect(await next).toBe(true);
});

test.each([
  ["with an answer", async (waiting: Waiting) => waiting.answered()],
  ["with another fault", (waiting: Waiting) => waiting.out("misconfigured", 1)],
])("a run gives its turn back %s", async (_, end) => {
  const { outage, runs } = waitingRuns(TURNS);
  await Promise.all(runs.map(({ ended }) => ended));
  const next = waitingAt(outage, 60_000).out("unavailable", 0);
  const first = await Promise.race([next.then(() => "next"), turn("nobody")]);
  expect(first).toBe("nobody");
  if (runs[0] !== undefined) await end(runs[0].waiting);
  expect(await next).toBe(true);
});

test.each([
  ["with an answer", async (waiting: Waiting) => waiting.answered()],
  ["with another fault", (waiting: Waiting) => waiting.out("lock_timeout", 1)],
])("an outage that ends %s has taken nothing of the time to wait for a duplicate", async (_, end) => {
  const { outage } = waitingRuns(0);
  const now = performance.now();
  const run = { outageDeadline: now + 60_000, deadline: now + 10 } as PreparedRun;
  const waiting = new Waiting(outage, run);
  await waiting.out("unavailable", 0);
  await waiting.out("unavailable", 1);
  const awayMs = performance.now() - now;
  await end(waiting);
  // What went by before the first failure is not of the outage.
  expect(run.deadline - now - 10).toBeGreaterThan(awayMs / 2);
  const deadline = run.deadline;
  waiting.end();
  expect(run.deadline).toBe(deadline);
});

test("a database that refuses writes is told of once", async () => {
  const { outage } = waitingRuns(0);
  const warnings = await warningsDuring(async () => {
    await waitingAt(outage, 60_000).out("read_only", 0);
    await waitingAt(outage, 60_000).out("read_only", 0);
  });
  expect(warnings).toEqual([expect.objectContaining({ code: "ONCEONLY_READ_ONLY" })]);
});

test.runIf(onPostgres)(
  "300 runs that wait for a database that says nothing all come through when it is back",
  async () => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const prisma = await db.connect({ url: proxy.url, max: 2 });
    const idempotency = idempotencyOf(prisma, { outageMs: 3_600_000, transaction: { maxWaitMs: 500 } });
    await idempotency.run(request("before"), async () => "before");
    proxy.silent = true;
    let executed = 0;
    const runs = Array.from({ length: 300 }, (_, number) =>
      idempotency.run(request(`k${number}`), async () => {
        executed += 1;
      }),
    );
    const all = Promise.all(runs);
    // Each has asked in vain once, at least: it can take no longer than that.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    proxy.silent = false;
    await all;
    expect(executed).toBe(300);
  },
);
