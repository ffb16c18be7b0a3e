/** What a call tells of itself, without a database: who is told what, and what is made where nobody listens. */
import { tracingChannel } from "node:diagnostics_channel";
import { afterEach, describe, expect, test, vi } from "vitest";
import { IdempotencyError } from "../../src/core/contract/errors/errors.ts";
import type { TracedCall } from "../../src/core/contract/events.ts";
import {
  CallEvents,
  executing,
  factsOf,
  observed,
  tellRefusal,
  waiting,
} from "../../src/core/events/call-events.ts";
import { isAnybodyListening, publish } from "../../src/core/events/channels.ts";
import { listen } from "./listen.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const refusal = () => new IdempotencyError("KEY_INVALID", "no", { reason: "empty" });
const lost = () => new IdempotencyError("LEASE_LOST", "no", {} as never);
const request = { operation: "orders.place" };
const call = { operation: "orders.place", mode: "transaction", id: undefined };
const done = { status: "completed", value: 1, replayed: false } as const;

/** What is told of the error of a part. */
function errorsOf(name: string) {
  const heard: TracedCall[] = [];
  const channel = tracingChannel<TracedCall, TracedCall>(`onceonly:${name}`);
  const subscribers = { error: (message: TracedCall) => heard.push({ ...message }) };
  channel.subscribe(subscribers as never);
  return { heard, [Symbol.dispose]: () => channel.unsubscribe(subscribers as never) };
}

describe("where nobody listens", () => {
  test("nothing of an event is made", async () => {
    expect(isAnybodyListening()).toBe(false);
    publish("executed", () => expect.fail("made for nobody"));
    const given: unknown[] = [];
    const answer = await observed("transaction", request, async (events) => {
      given.push(events);
      return done;
    });
    expect([answer, given]).toEqual([done, [undefined]]);
    expect(await executing({ events: undefined }, 1, async () => 2)).toBe(2);
    expect(await waiting({ events: undefined }, "lock", 0, async () => 3)).toBe(3);
  });

  test("a tracing channel counts as one who listens, whichever part of it", () => {
    for (const part of ["start", "end", "asyncStart", "asyncEnd", "error"] as const) {
      const subscribers = { [part]: () => {} };
      const channel = tracingChannel("onceonly:store");
      channel.subscribe(subscribers as never);
      expect(isAnybodyListening()).toBe(true);
      channel.unsubscribe(subscribers as never);
      expect(isAnybodyListening()).toBe(false);
    }
  });
});

describe("a refusal of an adapter", () => {
  test("is told once, if it is one of ours that refuses", () => {
    using events = listen();
    const error = refusal();
    tellRefusal(error, "orders.place");
    tellRefusal(error, "orders.place");
    tellRefusal(new Error("no"), "orders.place");
    tellRefusal(lost(), "orders.place");
    expect(events.take()).toEqual([
      [
        "refused",
        { operation: "orders.place", mode: undefined, id: undefined, code: "KEY_INVALID", durationMs: 0 },
      ],
    ]);
  });

  test("is not told again of a call that has told of it, be it refused or released", async () => {
    using events = listen();
    for (const error of [refusal(), lost()]) {
      await observed("transaction", request, () => Promise.reject(error)).catch(() => {});
      events.take();
      tellRefusal(error, "orders.place");
      expect(events.take()).toEqual([]);
    }
  });
});

describe("a call", () => {
  test("that is refused, and one that fails, tell how", async () => {
    using events = listen();
    using traced = errorsOf("run");
    const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
    const failing = async (error: unknown): Promise<unknown> => {
      now.mockReturnValue(1_000);
      try {
        return await observed("transaction", request, async () => {
          now.mockReturnValue(1_250);
          throw error;
        });
      } catch (thrown) {
        return thrown;
      }
    };
    const [refused, own, ours] = [refusal(), new RangeError("no"), lost()];
    expect(await failing(refused)).toBe(refused);
    expect(await failing(own)).toBe(own);
    expect(await failing(ours)).toBe(ours);
    expect(events.take()).toEqual([
      ["refused", { ...call, code: "KEY_INVALID", durationMs: 250 }],
      [
        "released",
        { ...call, attempt: undefined, error: { name: "RangeError", code: undefined }, durationMs: 250 },
      ],
      [
        "released",
        {
          ...call,
          attempt: undefined,
          error: { name: "IdempotencyError", code: "LEASE_LOST" },
          durationMs: 250,
        },
      ],
    ]);
    expect(traced.heard.map(({ outcome }) => outcome)).toEqual(["refused", "released", "released"]);
  });

  test("that has executed its handler is never refused, whatever it ends with", async () => {
    using events = listen();
    const error = refusal();
    await observed("transaction", request, async (events) => {
      await events?.execute(1, async () => 1);
      throw error;
    }).catch(() => {});
    expect(events.take()).toMatchObject([["released", { attempt: 1 }]]);
  });

  test("has an empty name where it was given none", async () => {
    using events = listen();
    for (const given of [undefined, { operation: 5 as never }]) {
      await observed("lease", given, async () => done);
    }
    expect(events.take()).toMatchObject([
      ["executed", { operation: "", mode: "lease" }],
      ["executed", { operation: "" }],
    ]);
  });

  test("tells how long it has waited, for each cause, and not for an outage that it does not wait out", async () => {
    using events = listen();
    const now = vi.spyOn(performance, "now").mockReturnValue(1_000);
    const error = new Error("no");
    await observed("transaction", request, async (parts) => {
      for (const cause of ["lock", "lock", "outage"] as const) {
        await waiting({ events: parts }, cause, 900, async () => 1);
        await waiting({ events: parts }, cause, 950, () => Promise.reject(error)).catch(() => {});
      }
      return done;
    });
    now.mockRestore();
    expect(events.take()).toMatchObject([
      ["waited", { cause: "lock", durationMs: 300 }],
      ["waited", { cause: "outage", durationMs: 100 }],
      ["executed", {}],
    ]);
  });

  test("shows the error that a part of it has met, and the attempt of its handler", async () => {
    const [store, execute] = [errorsOf("store"), errorsOf("execute")];
    const events = new CallEvents("transaction", "orders.place");
    events.enter("store");
    events.enter("store");
    events.enter(undefined, new RangeError("no"));
    events.enter("store");
    events.enter(undefined);
    expect(store.heard).toEqual([{ ...call, error: { name: "RangeError", code: undefined } }]);
    await events.execute(2, () => Promise.reject(new RangeError("no"))).catch(() => {});
    expect(execute.heard).toMatchObject([{ attempt: 2, error: { name: "RangeError" } }]);
    store[Symbol.dispose]();
    execute[Symbol.dispose]();
  });
});

test("an error that cannot be looked at has a name all the same", () => {
  const hostile = new Proxy(new Error("no"), {
    get: () => {
      throw new Error("no");
    },
  });
  expect(factsOf(hostile)).toEqual({ name: "Error", code: undefined });
});
