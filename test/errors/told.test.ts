/** The small parts that tell an application of something, or wait for the application. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { answeredAtOnce, reasonOf, reasonWithin, told, warn } from "../../src/core/contract/callbacks.ts";
import { failureAt, reached, TEST_POINTS, type TestPoint } from "../../src/core/contract/test-points.ts";
import { warnOnce } from "../../src/core/contract/warn-once.ts";
import { withinLimit } from "../../src/core/contract/within-limit.ts";
import { timersSet } from "../support/timers.ts";

/** What `work` warns of. */
async function warned(work: () => unknown): Promise<unknown[]> {
  const emit = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  try {
    await work();
    return emit.mock.calls;
  } finally {
    emit.mockRestore();
  }
}

const unshowable = {
  get [Symbol.toStringTag](): string {
    throw new Error("no");
  },
};

describe("a failure that goes to nobody", () => {
  test.each<[unknown, string]>([
    [new Error("away"), "away"],
    ["text", "text"],
    [{ code: 7 }, "{ code: 7 }"],
    [undefined, "undefined"],
    [Object.assign(new Error("x"), { message: 7 }), "7"],
    [unshowable, "an error that cannot be shown"],
  ])("%# is shown", (error, shown) => {
    expect(reasonOf(error)).toBe(shown);
  });

  test("says once that it is ours", () => {
    expect(reasonWithin(new Error("onceonly: option a"))).toBe("option a");
    expect(reasonWithin(new Error("not onceonly: b"))).toBe("not onceonly: b");
  });

  test("is a process warning, with its cause", async () => {
    const cause = new Error("away");
    const [call] = await warned(() => warn("OnceonlyX", "It failed", cause));
    expect(call).toEqual([expect.objectContaining({ name: "OnceonlyX", message: "It failed: away", cause })]);
    expect(await warned(() => told("OnceonlyX", "It failed", () => Promise.reject(cause)))).toHaveLength(1);
    expect(await warned(() => told("OnceonlyX", "It failed", async () => 1))).toEqual([]);
  });

  test("is told of once for each place", async () => {
    const calls = await warned(() => {
      warnOnce("ONCEONLY_TOLD", "a", "text a");
      warnOnce("ONCEONLY_TOLD", "a", "text a");
      warnOnce("ONCEONLY_TOLD", "b", "text b");
    });
    const options = { type: "OnceonlyWarning", code: "ONCEONLY_TOLD" };
    expect(calls).toEqual([
      ["text a", options],
      ["text b", options],
    ]);
  });
});

describe("an answer", () => {
  test("that must come at once is no promise", async () => {
    const answers = [1, null, undefined, "x", {}];
    expect(answers.map((answer) => answeredAtOnce("isSafe", answer))).toEqual(answers);
    expect(() => answeredAtOnce("isSafe", Promise.reject(new Error("unheard")))).toThrow(
      new TypeError(
        "onceonly: option isSafe returned a promise; give a function that answers at once, without await.",
      ),
    );
    await sleep(0);
  });

  test("that is late is waited for no longer", async () => {
    expect(await withinLimit(Promise.resolve("in time"), 1_000)).toBe("in time");
    await expect(withinLimit(new Promise(() => {}), 5)).rejects.toThrow(new Error("no answer within 5 ms"));
    await expect(withinLimit(Promise.reject(new Error("own")), 1_000)).rejects.toThrow("own");
  });

  test("keeps the process alive while it is waited for, unless told otherwise", async () => {
    // Nothing else runs meanwhile: no timer begins or ends but ours.
    const before = timersSet();
    const answer = withinLimit(Promise.resolve(), 60_000);
    expect(timersSet()).toBe(before + 1);
    await answer;
    expect(timersSet()).toBe(before);
    void withinLimit(Promise.resolve(), 60_000, false);
    expect(timersSet()).toBe(before);
  });
});

describe("a point of a test", () => {
  test("is told of to who listens, and fails as the listener says", () => {
    const facts = { operation: "place", action: "Order.create", callSite: "a.ts:1:1" };
    const seen: TestPoint[] = [];
    const failure = new Error("here");
    const listen = (message: unknown) => {
      const point = message as TestPoint;
      seen.push({ ...point });
      if (point.point === "step") point.failure = failure;
    };
    expect(failureAt("step", facts)).toBeUndefined();
    subscribe(TEST_POINTS, listen);
    try {
      reached("claimed", { ...facts, more: 1 } as typeof facts);
      expect(() => reached("step", facts)).toThrow(failure);
    } finally {
      unsubscribe(TEST_POINTS, listen);
    }
    reached("step", facts);
    expect(seen).toEqual([
      { point: "claimed", facts },
      { point: "step", facts },
    ]);
  });
});
