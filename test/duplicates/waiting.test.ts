/** How long a run waits for another, or for a database that is away, and when it waits no longer. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { StoreFault } from "../../src/core/contract/store.ts";
import type { PreparedRun } from "../../src/core/request/prepare.ts";
import { isAway, isUnanswered, Outage, Waiting } from "../../src/core/retry/outage.ts";
import { Turns } from "../../src/core/retry/turns.ts";
import { waitCauseOf, waitForLease, waitToClaimAgain } from "../../src/core/retry/waiting.ts";
import { preparedWith } from "../support/runs.ts";
import { isOverBefore } from "../support/timers.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const FAULTS: readonly (StoreFault | undefined)[] = [
  "unavailable",
  "read_only",
  "transaction_expired",
  "lock_timeout",
  "write_conflict",
  undefined,
];

test("what kind a fault is", () => {
  expect(FAULTS.filter(isAway)).toEqual(["unavailable", "read_only", "transaction_expired"]);
  expect(FAULTS.filter(isUnanswered)).toEqual(["unavailable", "transaction_expired"]);
  expect(FAULTS.filter((fault) => waitCauseOf(fault) === "lock")).toEqual(["lock_timeout", "write_conflict"]);
  expect(waitCauseOf("unavailable")).toBe("outage");
});

describe("a lease of another is looked at again", () => {
  test("after 25 ms, 50 ms and so on, up to a second", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const run = await preparedWith({ waitMs: 60_000 });
    const looks: [poll: number, ms: number][] = [
      [0, 25],
      [1, 50],
      [9, 1_000],
    ];
    await Promise.all(
      looks.map(async ([poll, ms]) => {
        const pause = waitForLease(run, poll);
        const [isTooSoon, isInTime] = await Promise.all([
          isOverBefore(pause, ms - 5),
          isOverBefore(pause, ms + 5),
        ]);
        expect([poll, isTooSoon, isInTime]).toEqual([poll, false, true]);
      }),
    );
  });

  test("when its time is over, not later", async () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const run = await preparedWith({});
    vi.spyOn(performance, "now").mockReturnValue(run.deadline - 20);
    expect(await isOverBefore(waitForLease(run, 9), 500)).toBe(true);
  });

  test("never by who does not wait, or has waited", async () => {
    const refused = { code: "IN_PROGRESS" };
    await expect(waitForLease(await preparedWith({ onDuplicate: "reject" }), 0)).rejects.toMatchObject(
      refused,
    );
    await expect(waitForLease(await preparedWith({ waitMs: 0 }), 0)).rejects.toMatchObject(refused);
    const run = await preparedWith({ waitMs: 10 });
    vi.spyOn(performance, "now").mockReturnValue(run.deadline);
    await expect(waitForLease(run, 0)).rejects.toMatchObject(refused);
  });
});

describe("a claim that failed", () => {
  const error = new Error("of the driver");
  const again = (run: PreparedRun, fault: StoreFault | undefined) =>
    waitToClaimAgain(run, new Waiting(new Outage(), run), 0, { fault, error });

  test("is repeated after a conflict, and after a lock that it has waited for", async () => {
    const run = await preparedWith({ waitMs: 60_000 });
    for (const fault of ["write_conflict", "lock_timeout"] as const) {
      await expect(again(run, fault)).resolves.toBeUndefined();
    }
  });

  test("is not, once its time is over", async () => {
    const run = await preparedWith({ waitMs: 0 });
    vi.spyOn(performance, "now").mockReturnValue(run.deadline);
    await expect(again(run, "lock_timeout")).rejects.toMatchObject({ code: "IN_PROGRESS", cause: error });
    await expect(again(run, "write_conflict")).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      cause: error,
    });
  });

  test("is not, where duplicates do not wait, or the fault is another", async () => {
    const run = await preparedWith({ onDuplicate: "reject" });
    await expect(again(run, "lock_timeout")).rejects.toMatchObject({ code: "IN_PROGRESS" });
    await expect(again(run, "unavailable")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await expect(again(run, undefined)).rejects.toMatchObject({ code: "STORE_MISCONFIGURED" });
  });
});

describe("a database that is away", () => {
  const away = async (more: object = {}) => {
    const outage = new Outage();
    outage.hasAnswered = true;
    const run = await preparedWith({ outageMs: 60_000, waitMs: 1_000, ...more });
    return { outage, run, waiting: new Waiting(outage, run) };
  };

  test("is waited for only if it has ever answered, and not for another fault", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { outage, run, waiting } = await away();
    expect(await waiting.out("unavailable", 0)).toBe(true);
    expect(await waiting.out("lock_timeout", 0)).toBe(false);
    outage.hasAnswered = false;
    expect(await waiting.out("unavailable", 0)).toBe(false);
    waiting.answered();
    expect(outage.hasAnswered).toBe(true);
    vi.spyOn(performance, "now").mockReturnValue(run.outageDeadline);
    expect(await waiting.out("unavailable", 0)).toBe(false);
  });

  test("puts off the end of the waiting for a duplicate by as long as it was away, once", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { run, waiting } = await away();
    const { deadline } = run;
    const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
    await waiting.out("unavailable", 0);
    now.mockReturnValue(1_300);
    await waiting.out("unavailable", 1);
    now.mockReturnValue(1_500);
    waiting.end();
    expect(run.deadline).toBe(deadline + 500);
    waiting.end();
    expect(run.deadline).toBe(deadline + 500);
  });

  test("is asked by sixteen at a time, and each turn goes to the next", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const { outage, run } = await away();
    const waiting = Array.from({ length: 17 }, () => new Waiting(outage, run));
    const turns = waiting.map((one) => one.out("unavailable", 0));
    expect(await Promise.all(turns.slice(0, 16))).not.toContain(false);
    expect(await isOverBefore(turns[16] as Promise<boolean>, 50)).toBe(false);
    waiting[0]?.answered();
    waiting[0]?.answered();
    expect(await turns[16]).toBe(true);
    expect(await isOverBefore(new Waiting(outage, run).out("unavailable", 0), 50)).toBe(false);
  });

  test("is given up by who gets no turn in time", async () => {
    const { outage, run } = await away({ outageMs: 30 });
    await Promise.all(Array.from({ length: 16 }, () => outage.turns.take(0)));
    expect(await new Waiting(outage, run).out("unavailable", 0)).toBe(false);
  });
});

test("turns come back as many as were taken", async () => {
  const turns = new Turns(2);
  expect([await turns.take(0), await turns.take(0), await turns.take(0)]).toEqual([true, true, false]);
  turns.pass();
  turns.pass();
  expect([await turns.take(0), await turns.take(0), await turns.take(0)]).toEqual([true, true, false]);
});
