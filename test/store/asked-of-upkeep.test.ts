/** What upkeep asks a store, and what it makes of the answers. On databases: listing.test.ts, test/retention. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, describe, expect, test, vi } from "vitest";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import type { Store } from "../../src/core/contract/store.ts";
import type { PruneOptions } from "../../src/core/contract/upkeep/pruning.ts";
import { UNPRUNED_MS_MAX } from "../../src/core/contract/upkeep/pruning.ts";
import type { UpkeepStore } from "../../src/core/contract/upkeep/upkeep-store.ts";
import { recordId } from "../../src/core/request/identity.ts";
import { checkDate } from "../../src/core/upkeep/check-date.ts";
import { inspect } from "../../src/core/upkeep/inspect.ts";
import { list } from "../../src/core/upkeep/list.ts";
import { prune } from "../../src/core/upkeep/prune.ts";
import { countByOperation, stats } from "../../src/core/upkeep/stats.ts";
import { isOverBefore } from "../support/timers.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A store of which upkeep alone is asked. */
const storeOf = (upkeep: object) => ({ upkeep, faultOf: () => undefined }) as unknown as Store<unknown>;

const place = (second: number) => ({
  expiresAt: `2026-11-30T12:00:${String(second).padStart(2, "0")}Z`,
  id: String(second).padStart(43, "x"),
});
const found = (second: number) => ({
  place: place(second),
  operation: "orders.place",
  scope: "u",
  key: "k",
  status: "completed" as const,
  owner: "",
  attempt: 1,
  claimedAtMs: 0,
  finishedAtMs: 1,
  expiresAtMs: 2,
  leasedUntilMs: null,
  nowMs: 1,
});

/** A store that answers from lists, and writes down what it was asked. */
function answering(pages: readonly (readonly number[])[] = [], ends: readonly (number | undefined)[] = []) {
  const asked: Parameters<UpkeepStore["list"]>[0][] = [];
  const looks: unknown[] = [];
  const upkeep: Partial<UpkeepStore> = {
    list: async (params) => {
      asked.push(params);
      return (pages[asked.length - 1] ?? []).map(found);
    },
    placeAfter: async (after, records) => {
      looks.push([after, records]);
      const end = ends[looks.length - 1];
      return end === undefined ? undefined : place(end);
    },
  };
  const store = storeOf(upkeep);
  return { store, asked, looks };
}

describe("a list", () => {
  test("of all, of an id and of what goes on asks once", async () => {
    const id = recordId({ operation: "o", scope: "s", key: "k" });
    for (const options of [
      {},
      { id },
      { id, operation: "o" },
      { state: "in_progress" },
      { state: "abandoned" },
    ] as const) {
      const { store, asked, looks } = answering([[1, 2]]);
      expect((await list(store, options)).records).toHaveLength(2);
      expect(asked).toHaveLength(1);
      expect(asked[0]).toMatchObject({ after: undefined, upTo: undefined, limit: 50 });
      expect(looks).toEqual([]);
    }
  });

  test("by anything else searches stretch by stretch, until the page is full", async () => {
    for (const options of [
      { state: "failed" },
      { operation: "o" },
      { state: "completed", scope: "s" },
    ] as const) {
      const { store, asked, looks } = answering([[1], [2, 3]], [10, 20, 30]);
      const page = await list(store, { ...options, limit: 3 });
      expect(page.records).toHaveLength(3);
      expect(looks).toEqual([
        [undefined, 20_000],
        [place(10), 20_000],
      ]);
      expect(asked).toMatchObject([
        { after: undefined, upTo: place(10), limit: 3 },
        { after: place(10), upTo: place(20), limit: 2 },
      ]);
      expect(page.next).toBe((await list(answering([[3]]).store, { limit: 1 })).next);
    }
  });

  test("ends where nothing is left, and goes on after its last record where it is full", async () => {
    expect((await list(answering([[1]], []).store, { operation: "o" })).next).toBeUndefined();
    expect((await list(answering([[1]]).store, {})).next).toBeUndefined();
    expect((await list(answering([]).store, {})).next).toBeUndefined();
    const { next } = await list(answering([[1, 2]]).store, { limit: 2 });
    const following = answering();
    await list(following.store, { after: next ?? "" });
    expect(following.asked[0]?.after).toEqual(place(2));
  });

  test("ends after two seconds, with the place that it has come to", async () => {
    const now = vi.spyOn(performance, "now").mockReturnValue(0);
    const { store, looks } = answering([[1]], [10, 20]);
    now.mockReturnValueOnce(0).mockReturnValue(2_000);
    const { records, next } = await list(store, { operation: "o" });
    expect(records).toHaveLength(1);
    expect(looks).toHaveLength(1);
    const following = answering();
    await list(following.store, { operation: "o", after: next ?? "" });
    expect(following.asked[0]?.after).toEqual({ expiresAt: "2026-11-30T12:00:10.001Z", id: "-".repeat(43) });
  });

  test("by operation, key and one scope is that of the record's id", async () => {
    const named = { operation: "o", scope: "s", key: "k" };
    const id = recordId(named);
    const filterFor = async (options: object) => {
      const { store, asked } = answering();
      await list(store, options);
      return asked[0]?.filter;
    };
    expect(await filterFor(named)).toMatchObject({ id, scopes: ["s"] });
    expect(await filterFor({ ...named, scope: ["s"] })).toMatchObject({ id });
    expect(await filterFor({ ...named, id: "x".repeat(43) })).toMatchObject({ id: "x".repeat(43) });
    for (const less of [
      { ...named, scope: ["s", "t"] },
      { operation: "o", key: "k" },
      { scope: "s", key: "k" },
      { operation: "o", scope: "s" },
    ]) {
      expect(await filterFor(less)).toMatchObject({ id: undefined });
    }
  });

  test("in no scope asks nobody", async () => {
    const { store, asked } = answering([[1]]);
    expect(await list(store, { scope: [] })).toEqual({ records: [], next: undefined });
    expect(asked).toEqual([]);
  });

  test("in a thousand scopes is taken, in more is refused", async () => {
    const scopes = (length: number) => Array.from({ length }, (_, n) => `s${n}`);
    await expect(list(answering().store, { scope: scopes(1_000) })).resolves.toBeDefined();
    await expect(list(answering().store, { scope: scopes(1_001) })).rejects.toThrow(
      "option scope is of type array; give at most 1000 scopes",
    );
  });
});

describe("pruning", () => {
  const told: unknown[] = [];
  const listen = (message: unknown) => void told.push(message);
  /** Each batch takes 10 ms by a clock that goes only then. */
  const pruning = async (
    batches: readonly boolean[],
    options: PruneOptions,
    more: Partial<UpkeepStore> = {},
  ) => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const left = [...batches];
    const upkeep: Partial<UpkeepStore> = {
      prune: async ({ limit }) => {
        now += 10;
        return { deleted: limit, isFull: left.shift() ?? false };
      },
      ...more,
    };
    const store = storeOf(upkeep);
    told.length = 0;
    subscribe("onceonly:pruned", listen);
    try {
      return await prune(store, options);
    } finally {
      unsubscribe("onceonly:pruned", listen);
    }
  };

  test("goes on until a batch is not full, and tells what it has deleted in which time", async () => {
    expect(await pruning([true, true, false, true], { batchSize: 7, dutyCycle: 1 })).toBe(21);
    expect(told).toEqual([{ deleted: 21, durationMs: 30, error: undefined }]);
  });

  test("tells of an error what it had deleted before", async () => {
    const error = new RangeError("no");
    const failing = pruning([true], {}, { prune: () => Promise.reject(error) });
    await expect(failing).rejects.toMatchObject({ cause: error });
    expect(told).toMatchObject([{ deleted: 0, error: { name: "IdempotencyError" } }]);
  });

  test("rests as long as dutyCycle says", async () => {
    expect(await isOverBefore(pruning([true], { dutyCycle: 0.5 }), 9)).toBe(false);
    expect(await isOverBefore(pruning([true], { dutyCycle: 0.5 }), 29)).toBe(true);
    expect(await isOverBefore(pruning([true], { dutyCycle: 0.2 }), 39)).toBe(false);
  });
});

test("an answer is shown as an error only if it is one", async () => {
  const shown: unknown[] = [];
  const errors = {
    serialize: String,
    deserialize: (stored: unknown) => {
      shown.push(stored);
      return new Error(String(stored));
    },
  };
  const json = { name: "json", encode: String, decode: (text: string): unknown => JSON.parse(text) };
  const answerFor = async (status: string, response: string) => {
    const record = { ...found(1), status, response, input: null, steps: [] };
    const store = storeOf({ inspect: async () => record });
    const name = { operation: "o", scope: "s", key: "k" };
    return inspect(store, name, resolveOptions({ codec: json, errors }), json);
  };
  expect(await answerFor("completed", "json:1")).toMatchObject({ answer: { isReadable: true, value: 1 } });
  expect(await answerFor("failed", "json:{")).toMatchObject({
    answer: { isReadable: false, text: "json:{" },
  });
  expect(shown).toEqual([]);
  expect(await answerFor("failed", "json:2")).toMatchObject({ answer: { value: new Error("2") } });
});

test("a date is one of the years 1970 to 9999", () => {
  for (const date of [undefined, new Date(0), new Date("9999-12-31T23:59:59.999Z")]) {
    expect(() => checkDate("since", date)).not.toThrow();
  }
  for (const date of [
    new Date(-1),
    new Date("+010000-01-01T00:00:00Z"),
    new Date(Number.NaN),
    5,
    "2026-01-01",
    null,
  ]) {
    expect(() => checkDate("since", date)).toThrow("give a Date of the years 1970 to 9999");
  }
});

describe("the state of the tables", () => {
  const told: unknown[] = [];
  const listen = (message: unknown) => void told.push(message);
  const stateWith = async (more: object) => {
    const counts = { records: 3, expired: 2, firstExpiresAtMs: 1_000, bytes: null, nowMs: 5_000, ...more };
    const store = storeOf({ stats: async () => counts });
    told.length = 0;
    subscribe("onceonly:unpruned", listen);
    try {
      return await stats(store);
    } finally {
      unsubscribe("onceonly:unpruned", listen);
    }
  };

  test("tells since when nothing was pruned, from the moment on at which a record ends", async () => {
    expect(await stateWith({})).toEqual({
      records: 3,
      expired: 2,
      oldestExpiredAt: new Date(1_000),
      bytes: undefined,
      now: new Date(5_000),
    });
    expect(await stateWith({ nowMs: 1_000 })).toMatchObject({ oldestExpiredAt: new Date(1_000) });
    expect(await stateWith({ nowMs: 999, bytes: 7 })).toMatchObject({ oldestExpiredAt: undefined, bytes: 7 });
    expect(await stateWith({ firstExpiresAtMs: null })).toMatchObject({ oldestExpiredAt: undefined });
    expect(told).toEqual([]);
  });

  test("is an event where that is too long ago", async () => {
    await stateWith({ nowMs: 1_000 + UNPRUNED_MS_MAX });
    expect(told).toEqual([]);
    await stateWith({ nowMs: 1_001 + UNPRUNED_MS_MAX });
    expect(told).toMatchObject([{ expired: 2, oldestExpiredAt: new Date(1_000) }]);
  });

  test("by operation is in the order of their names", async () => {
    const counted = [
      { operation: "b", status: "failed", records: 1 },
      { operation: "a", status: "in_progress", records: 2 },
      { operation: "b", status: "completed", records: 3 },
      { operation: "c", status: "completed", records: 4 },
    ];
    const asked: unknown[] = [];
    const count = async (since: unknown) => {
      asked.push(since);
      return counted;
    };
    const store = storeOf({ count });
    expect(await countByOperation(store)).toEqual([
      { operation: "a", inProgress: 2, completed: 0, failed: 0 },
      { operation: "b", inProgress: 0, completed: 3, failed: 1 },
      { operation: "c", inProgress: 0, completed: 4, failed: 0 },
    ]);
    await countByOperation(store, { since: new Date(7) });
    expect(asked).toEqual([null, 7]);
  });
});
