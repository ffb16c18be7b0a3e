/** The heartbeat by itself: over a store that answers as a test says, in real time. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import type { Store } from "../../src/core/contract/store.ts";
import { Lease } from "../../src/core/lease/lease.ts";
import { type PreparedRun, prepareRun } from "../../src/core/request/prepare.ts";
import { isOverBefore } from "../support/timers.ts";

const LEASE_MS = 300;
const BEAT_MS = LEASE_MS / 3;

const open: Lease[] = [];
afterEach(() => {
  for (const lease of open.splice(0)) lease.stop();
  vi.restoreAllMocks();
});

/** `answer`: what a renewal does, by its number from 0. */
async function held(answer: (n: number) => unknown = () => true, outer?: AbortSignal) {
  const renewals: { readonly params: unknown; readonly at: number }[] = [];
  const losses: boolean[] = [];
  const leases = {
    renew: async (params: unknown) => {
      renewals.push({ params, at: performance.now() });
      return answer(renewals.length - 1);
    },
  };
  const run: PreparedRun = {
    ...(await prepareRun(
      { operation: "orders.place", scope: "u", key: "k" },
      resolveOptions({ leaseMs: LEASE_MS, retentionMs: 90_000, outageMs: 1_000 }),
    )),
    events: { leaseLost: (takenOver: boolean) => losses.push(takenOver) } as never,
  };
  const lease = new Lease({ leases } as unknown as Store<unknown>, run, "o", outer);
  open.push(lease);
  return { lease, run, renewals, losses };
}

const never = () => new Promise<never>(() => {});
const within = (ms: number, lease: Lease): Promise<boolean> => isOverBefore(lossOf(lease), ms);
const lossOf = (lease: Lease) => lease.whileHeld(never()).catch((error: unknown) => error);

describe("a lease is renewed", () => {
  test("every third of its duration, until it is stopped", async () => {
    const { lease, run, renewals } = await held();
    const begin = performance.now();
    lease.start(begin);
    await expect.poll(() => renewals.length).toBeGreaterThan(2);
    lease.stop();
    for (const [n, { params, at }] of renewals.entries()) {
      expect(params).toEqual({ id: run.id, owner: "o", leaseMs: LEASE_MS, retentionMs: 90_000 });
      expect(at - begin).toBeGreaterThan((n + 1) * BEAT_MS - 2);
    }
    const { length } = renewals;
    await sleep(2 * BEAT_MS);
    expect(renewals).toHaveLength(length);
    expect(lease.signal.aborted).toBe(false);
  });

  test("again soon after a renewal that failed", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const { lease, renewals } = await held((n) => (n === 0 ? Promise.reject(new Error("busy")) : true));
    lease.start(performance.now());
    await expect.poll(() => renewals.length).toBeGreaterThan(2);
    const [first = 0, second = 0, third = 0] = renewals.map(({ at }) => at);
    expect(second - first).toBeGreaterThan(BEAT_MS / 4 - 2);
    // Then as before.
    expect(third - second).toBeGreaterThan(BEAT_MS - 2);
    expect(lease.signal.aborted).toBe(false);
  });

  test("a quarter of a beat later at most, however often it failed", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const tries: number[] = [];
    const { lease, renewals } = await held((n) => {
      // Set together with the timer of the next one.
      setTimeout(() => tries.push(renewals.length - n), BEAT_MS / 4 + 5);
      return Promise.reject(new Error("busy"));
    });
    lease.start(performance.now());
    await lossOf(lease);
    expect(renewals.length).toBeLessThanOrEqual(9);
    await expect.poll(() => tries.length).toBe(renewals.length);
    // But for the last, after which it is lost.
    expect(tries.slice(0, -1)).not.toContain(1);
  });
});

describe("a lease is lost", () => {
  test("when the database says so, once", async () => {
    const { lease, renewals, losses } = await held(() => false);
    lease.start(performance.now());
    const error = await lossOf(lease);
    expect(error).toMatchObject({
      code: "LEASE_LOST",
      details: { operation: "orders.place", takenOver: true },
    });
    expect(lease.signal.reason).toBe(error);
    expect(lease.lose()).toMatchObject({ code: "LEASE_LOST" });
    await sleep(2 * BEAT_MS);
    expect(renewals).toHaveLength(1);
    expect(losses).toEqual([true]);
    expect(lease.signal.reason).toBe(error);
  });

  test("not by a renewal that finds it ended", async () => {
    const { lease, renewals, losses } = await held(() => false);
    lease.start(performance.now());
    lease.ending();
    await expect.poll(() => renewals.length).toBeGreaterThan(0);
    await sleep(0);
    expect(lease.signal.aborted).toBe(false);
    expect(losses).toEqual([]);
  });

  test("when nothing was heard for its whole duration, not before", async () => {
    const { lease, losses } = await held(never);
    const begin = performance.now();
    lease.start(begin);
    const error = await lossOf(lease);
    expect(performance.now() - begin).toBeGreaterThan(LEASE_MS - 2);
    expect(error).toMatchObject({ code: "LEASE_LOST", details: { takenOver: false } });
    expect(losses).toEqual([false]);
  });

  test("a beat after an old claim, which leaves the time for a renewal", async () => {
    const { lease } = await held(never);
    const begin = performance.now();
    lease.start(begin - 10_000);
    await lossOf(lease);
    expect(performance.now() - begin).toBeGreaterThan(BEAT_MS - 2);
    const { lease: other } = await held(never);
    other.start(performance.now() - 10_000);
    expect(await within(LEASE_MS - 10, other)).toBe(true);
  });

  test("no sooner for a renewal that is told of late", async () => {
    const { lease } = await held(never);
    lease.start(performance.now());
    lease.renewedAt(performance.now() - 10_000);
    expect(await within(LEASE_MS - 20, lease)).toBe(false);
    lease.renewedAt(performance.now());
    expect(await within(LEASE_MS - 20, lease)).toBe(false);
    expect(await within(LEASE_MS, lease)).toBe(true);
  });

  test("for a reason that is kept", async () => {
    const { lease } = await held();
    const cause = new Error("what it led to");
    expect(lease.lose(cause)).toMatchObject({ cause, details: { takenOver: true } });
    expect(lease.lose(undefined, false)).toMatchObject({ details: { takenOver: false } });
  });

  test("by nobody once it is stopped", async () => {
    const { lease, losses } = await held(never);
    lease.start(performance.now());
    lease.stop();
    expect(lease.lose()).toMatchObject({ code: "LEASE_LOST" });
    expect(await within(LEASE_MS + BEAT_MS, lease)).toBe(false);
    expect(lease.signal.aborted).toBe(false);
    expect(losses).toEqual([]);
  });
});

describe("what waits for a lease", () => {
  test("gets what it waits for, or the loss", async () => {
    const { lease } = await held();
    expect(await lease.whileHeld(Promise.resolve(1))).toBe(1);
    await expect(lease.whileHeld(Promise.reject(new Error("own")))).rejects.toThrow("own");
    lease.lose();
    await expect(lease.whileHeld(never())).rejects.toMatchObject({ code: "LEASE_LOST" });
  });

  test.each<[string, () => Promise<boolean>, string]>([
    ["is there", async () => true, "STORE_MISCONFIGURED"],
    ["is gone", async () => false, "LEASE_LOST"],
    ["cannot be looked at", () => Promise.reject(new Error("away")), "LEASE_LOST"],
  ])("has changed nothing, and the claim %s", async (_what, holds, code) => {
    const { lease } = await held();
    const asked: unknown[] = [];
    const writes = {
      holds: (of: unknown) => {
        asked.push(of);
        return holds();
      },
    } as never;
    expect(await lease.whyUnchanged(writes)).toMatchObject({ code });
    expect(asked).toEqual([lease]);
    expect(lease.signal.aborted).toBe(code === "LEASE_LOST");
  });
});

describe("while a transaction has the row", () => {
  test("nothing is renewed and nothing lapses; afterwards it is renewed at once", async () => {
    const { lease, renewals } = await held();
    lease.start(performance.now());
    await lease.paused(async (hold) => {
      hold();
      hold();
      expect(await within(LEASE_MS + BEAT_MS, lease)).toBe(false);
      expect(renewals).toEqual([]);
    });
    await Promise.resolve();
    expect(renewals).toHaveLength(1);
    expect(await within(1.5 * BEAT_MS, lease)).toBe(false);
    expect(renewals.length).toBeGreaterThan(0);
    lease.stop();
  });

  test("that was short, no renewal is needed", async () => {
    const { lease, renewals } = await held();
    lease.start(performance.now());
    expect(
      await lease.paused(async (hold) => {
        hold();
        lease.renewedAt(performance.now());
        return "done";
      }),
    ).toBe("done");
    expect(renewals).toEqual([]);
    await expect.poll(() => renewals.length).toBeGreaterThan(0);
  });

  test("that fails, its error is handed on, and the watch goes on", async () => {
    const { lease } = await held(never);
    lease.start(performance.now());
    const failing = lease.paused(async (hold) => {
      hold();
      throw new Error("own");
    });
    await expect(failing).rejects.toThrow("own");
    expect(await within(2 * LEASE_MS, lease)).toBe(true);
  });

  test("that cannot begin, it is renewed as ever", async () => {
    const { lease, renewals } = await held();
    lease.start(performance.now());
    await lease.paused(async () => {
      await expect.poll(() => renewals.length).toBeGreaterThan(1);
    });
  });

  test("others that have it too must end as well", async () => {
    const { lease, renewals } = await held();
    lease.start(performance.now());
    await lease.paused(async (hold) => {
      hold();
      await lease.paused(async (inner) => inner());
      await sleep(1.5 * BEAT_MS);
      expect(renewals).toEqual([]);
    });
  });
});

describe("a completer that stops", () => {
  test("aborts the run, whose lease is not lost", async () => {
    const outer = new AbortController();
    const { lease, losses } = await held(undefined, outer.signal);
    const reason = new Error("stops");
    expect(lease.signal.aborted).toBe(false);
    outer.abort(reason);
    expect(lease.signal.reason).toBe(reason);
    expect(await lease.whileHeld(Promise.resolve(1))).toBe(1);
    expect(losses).toEqual([]);
  });

  test("has stopped before", async () => {
    const { lease } = await held(undefined, AbortSignal.abort(new Error("stopped")));
    expect(lease.signal.reason).toEqual(new Error("stopped"));
  });

  test("does nothing to a run that has ended", async () => {
    const outer = new AbortController();
    const { lease } = await held(undefined, outer.signal);
    lease.stop();
    outer.abort();
    expect(lease.signal.aborted).toBe(false);
  });
});
