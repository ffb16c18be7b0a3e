/** What those hear who listen on the channels of `node:diagnostics_channel`. */
import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, tracingChannel, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, test } from "vitest";
import type { TracedCall } from "../../src/core/contract/events.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { lapse } from "../leases/helpers.ts";
import { databases } from "../support/database.ts";
import {
  door,
  expire,
  failureOf,
  idempotencyOf,
  orderOf,
  placing,
  request,
  underWay,
} from "../support/runs.ts";
import { listen } from "./listen.ts";

/** The parts of calls in their order, as `name start` and `name end`. */
function trace() {
  const heard: string[] = [];
  const calls: TracedCall[] = [];
  const stops = (["run", "claim", "wait", "execute", "store"] as const).map((name) => {
    const channel = tracingChannel<TracedCall, TracedCall>(`onceonly:${name}`);
    const subscribers = {
      start: (call: TracedCall) => {
        heard.push(`${name} start`);
        if (name === "run") calls.push(call);
      },
      asyncEnd: () => heard.push(`${name} end`),
      error: () => heard.push(`${name} error`),
    };
    channel.subscribe(subscribers as never);
    return () => channel.unsubscribe(subscribers as never);
  });
  return { heard, calls, [Symbol.dispose]: () => stops.forEach((stop) => stop()) };
}

const call = { operation: "orders.place", mode: "transaction", id: expect.stringMatching(/^[\w-]{43}$/) };
const durationMs = expect.any(Number);

describe.each(databases)("$name", ({ open }) => {
  test("an execution and its replay are told, by the record's id alone", async () => {
    await using db = await open();
    using events = listen();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("secret-key"), placing("a"));
    expect(events.take()).toEqual([["executed", { ...call, attempt: 1, durationMs }]]);
    await idempotency.run(request("secret-key"), placing("a"));
    const heard = events.take();
    expect(heard).toEqual([["replayed", { ...call, status: "completed", durationMs }]]);
    expect(JSON.stringify(heard)).not.toContain("secret-key");
  });

  test("option eventKeys adds key and scope", async () => {
    await using db = await open();
    using events = listen();
    await idempotencyOf(db.prisma, { eventKeys: true }).run(request("k"), placing("k"));
    expect(events.take()).toEqual([["executed", { ...call, key: "k", scope: "u", attempt: 1, durationMs }]]);
  });

  test("stored errors, released ones and refused requests are three things", async () => {
    await using db = await open();
    using events = listen();
    class OutOfStock extends Error {
      override name = "OutOfStock";
      readonly code = "a code with the customer's name";
    }
    const idempotency = idempotencyOf(db.prisma, { storeError: (error) => error instanceof OutOfStock });
    const fail = (reason: Error) => async () => Promise.reject(reason);
    const failing = idempotency.run(request("a"), fail(new OutOfStock("ada's book")));
    await expect(failing).rejects.toThrow("ada's book");
    const error = { name: "OutOfStock", code: undefined };
    expect(events.take()).toEqual([["stored", { ...call, attempt: 1, error, durationMs }]]);
    await expect(idempotency.run(request("a"), placing("a"))).rejects.toThrow("ada's book");
    expect(events.take()).toEqual([["replayed", { ...call, status: "failed", durationMs }]]);

    await expect(idempotency.run(request("b"), fail(new TypeError("ada")))).rejects.toThrow("ada");
    const typeError = { name: "TypeError", code: undefined };
    expect(events.take()).toEqual([["released", { ...call, attempt: 1, error: typeError, durationMs }]]);

    await idempotency.run(request("c", { input: 1 }), placing("c"));
    events.take();
    await failureOf(idempotency.run(request("c", { input: 2 }), placing("c")));
    expect(events.take()).toEqual([["refused", { ...call, code: "KEY_REUSED", durationMs }]]);
    await failureOf(idempotency.run(request(""), placing("c")));
    expect(events.take()).toEqual([["refused", { ...call, id: undefined, code: "KEY_INVALID", durationMs }]]);
  });

  test("a duplicate in this process tells how long it waited", async () => {
    await using db = await open();
    using events = listen();
    const idempotency = idempotencyOf(db.prisma);
    const { first, openDoor } = await underWay(idempotency);
    const second = idempotency.run(request("k"), placing("k"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    openDoor();
    await Promise.all([first, second]);
    const heard = events.take();
    expect(heard.map(([name]) => name)).toEqual(["executed", "waited", "replayed"]);
    expect(heard[1]?.[1]).toMatchObject({ ...call, cause: "duplicate" });
    expect(heard[1]?.[1]["durationMs"]).toBeGreaterThanOrEqual(25);
  });

  test("a call that waited for a lease in vain tells both", async () => {
    await using db = await open();
    const { arrived, wait, open: leave } = door();
    const run = idempotencyOf(db.prisma).runLeased(request("k"), async () => {
      await wait();
    });
    await arrived;
    using events = listen();
    const waiting = idempotencyOf(db.prisma, { waitMs: 40 }).runLeased(request("k"), async () => 1);
    expect((await failureOf(waiting)).code).toBe("IN_PROGRESS");
    const heard = events.take();
    expect(heard.map(([name]) => name)).toEqual(["waited", "refused"]);
    expect(heard[0]?.[1]).toMatchObject({ cause: "lease", mode: "lease" });
    expect(heard[0]?.[1]["durationMs"]).toBeGreaterThan(0);
    leave();
    await run;
  });

  test("an attempt that is repeated after a conflict leaves its trace here", async () => {
    await using db = await open();
    using events = listen();
    let runs = 0;
    const conflict = Object.assign(new Error("write conflict"), { code: "P2034" });
    const idempotency = idempotencyOf(db.prisma, { retryConflicts: 2 });
    await idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      if (runs++ < 2) throw conflict;
    });
    const error = { name: "Error", code: "P2034" };
    expect(events.take()).toEqual([
      ["retried", { ...call, attempt: 1, error }],
      ["retried", { ...call, attempt: 1, error }],
      ["executed", { ...call, attempt: 1, durationMs }],
    ]);
  });

  test("leased runs tell of takeovers, lost leases, and runs given up", async () => {
    await using db = await open();
    using events = listen();
    const leased = { ...call, mode: "lease" };
    const idempotency = idempotencyOf(db.prisma, { storeInput: true });
    const throwing = async () => Promise.reject(new Error("down"));
    await expect(idempotency.runLeased(request("k"), throwing)).rejects.toThrow("down");
    const error = { name: "Error", code: undefined };
    expect(events.take()).toEqual([["released", { ...leased, attempt: 1, error, durationMs }]]);
    await idempotency.runLeased(request("k"), async () => 1);
    expect(events.take()).toEqual([
      ["takeover", { ...leased, attempt: 2 }],
      ["executed", { ...leased, attempt: 2, durationMs }],
    ]);

    await idempotency
      .runLeased(request("lost"), async ({ step }) => {
        await db.query(`UPDATE idempotency_record SET owner = 'another' WHERE key = 'lost'`);
        await step("a", () => 1);
      })
      .catch(() => {});
    expect(events.take().map(([name, { takenOver, error: lost }]) => [name, takenOver ?? lost])).toEqual([
      ["lease-lost", true],
      ["released", { name: "IdempotencyError", code: "LEASE_LOST" }],
    ]);
  });

  test("completers tell what they give up", async () => {
    await using db = await open();
    using events = listen();
    const idempotency = idempotencyOf(db.prisma, { storeInput: true });
    const throwing = async () => Promise.reject(new Error("down"));
    await idempotency.runLeased(request("k"), throwing).catch(() => {});
    await db.query("UPDATE idempotency_record SET attempt = 9");
    await lapse(db);
    events.take();
    const completer = createCompleter({
      idempotency,
      handlers: { "orders.place": throwing },
      attemptsMax: 3,
    });
    await completer.runOnce();
    expect(events.take()).toContainEqual([
      "given-up",
      { operation: "orders.place", mode: "lease", id: call.id, attempts: 9 },
    ]);
  });

  test("prune and calls without a key are told", async () => {
    await using db = await open();
    using events = listen();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), placing("k"));
    await expire(db);
    events.take();
    expect(await idempotency.prune()).toBe(1);
    await idempotency.runUnkeyed(placing("u"));
    await idempotency.runLeasedUnkeyed(async () => 1);
    expect(events.take()).toEqual([
      ["pruned", { deleted: 1, durationMs, error: undefined }],
      ["unkeyed", { mode: "transaction" }],
      ["unkeyed", { mode: "lease" }],
    ]);
  });

  test.each([
    [Object.assign(new RangeError("x"), { code: "P2002" }), { name: "RangeError", code: "P2002" }],
    [Object.assign(new Error("x"), { name: "the name of ada", code: 7 }), { name: "Error", code: undefined }],
    ["a text", { name: "string", code: undefined }],
    [null, { name: "null", code: undefined }],
    [{ code: "P2002" }, { name: "object", code: undefined }],
  ])("what is thrown is told by class and code: %#", async (thrown, error) => {
    await using db = await open();
    using events = listen();
    const failing = idempotencyOf(db.prisma).run(request("k"), async () => Promise.reject(thrown as Error));
    await failing.catch(() => {});
    expect(events.take()).toEqual([["released", { ...call, attempt: 1, error, durationMs }]]);
  });

  test("a database that refuses is told without an attempt", async () => {
    await using db = await open();
    using events = listen();
    await db.query("DROP TABLE idempotency_record");
    await failureOf(idempotencyOf(db.prisma).run(request("k"), placing("k")));
    const error = { name: "IdempotencyError", code: "STORE_MISCONFIGURED" };
    expect(events.take()).toEqual([["released", { ...call, attempt: undefined, error, durationMs }]]);
  });

  test("no message of a tracing channel has a result, or what an error says", async () => {
    await using db = await open();
    const heard: unknown[] = [];
    const names = ["run", "claim", "execute", "store"].flatMap((name) =>
      ["start", "end", "asyncStart", "asyncEnd", "error"].map((event) => `tracing:onceonly:${name}:${event}`),
    );
    const listener = (message: unknown) => heard.push(structuredClone(message));
    for (const name of names) subscribe(name, listener);
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("k"), async () => ({ card: "4111-secret" }));
    await idempotency.run(request("k"), async () => 1);
    const failing = async () =>
      Promise.reject(Object.assign(new Error("of ada-secret"), { code: "E SECRET" }));
    await idempotency.run(request("e"), failing).catch(() => {});
    for (const name of names) unsubscribe(name, listener);
    expect(heard.length).toBeGreaterThan(20);
    expect(JSON.stringify(heard)).not.toMatch(/secret/i);
    expect(heard).toContainEqual(expect.objectContaining({ error: { name: "Error", code: undefined } }));
  });

  test("a subscriber changes no answer: not by freezing messages, and not where an error cannot be read", async () => {
    await using db = await open();
    const freeze = (message: unknown) => void Object.freeze(message);
    const names = ["start", "asyncEnd"].map((event) => `tracing:onceonly:run:${event}`);
    for (const name of [...names, "onceonly:stored"]) subscribe(name, freeze);
    try {
      const idempotency = idempotencyOf(db.prisma, { storeError: () => true });
      expect(await idempotency.run(request("k"), async () => 1)).toEqual({ value: 1, replayed: false });
      const unreadable = new Error("original");
      Object.defineProperty(unreadable, "code", {
        get() {
          throw new RangeError("getter of code");
        },
      });
      await expect(idempotency.run(request("u"), async () => Promise.reject(unreadable))).rejects.toThrow(
        "original",
      );
      const odd = idempotency.run(
        { ...request("o"), operation: Object.create(null) as string },
        async () => 1,
      );
      await expect(odd).rejects.toThrow("operation");
    } finally {
      for (const name of [...names, "onceonly:stored"]) unsubscribe(name, freeze);
    }
  });

  test("the parts of a call are traced, the handler inside its own", async () => {
    await using db = await open();
    using traced = trace();
    const place = new AsyncLocalStorage<string>();
    const { start } = tracingChannel("onceonly:execute");
    start.bindStore(place, () => "in the handler");
    try {
      const idempotency = idempotencyOf(db.prisma);
      let seen: string | undefined;
      await idempotency.run(request("k"), async ({ tx }) => {
        await tx.order.create({ data: orderOf("k") });
        seen = place.getStore();
      });
      expect(seen).toBe("in the handler");
      expect(place.getStore()).toBeUndefined();
      expect(traced.heard.splice(0)).toEqual([
        "run start",
        "claim start",
        "claim end",
        "execute start",
        "execute end",
        "store start",
        "store end",
        "run end",
      ]);
      await idempotency.run(request("k"), placing("k"));
      expect(traced.heard.splice(0)).toEqual(["run start", "claim start", "claim end", "run end"]);
      const failing = idempotency.runLeased(request("l"), async () => Promise.reject(new Error("no")));
      await failing.catch(() => {});
      expect(traced.heard.splice(0)).toEqual([
        "run start",
        "claim start",
        "claim end",
        "execute start",
        "execute error",
        "execute end",
        "run error",
        "run end",
      ]);
      expect(traced.calls.map(({ outcome }) => outcome)).toEqual(["executed", "replayed", "released"]);
      expect(new Set(traced.calls.map(({ id }) => id)).size).toBe(2);
    } finally {
      start.unbindStore(place);
    }
  });
});
