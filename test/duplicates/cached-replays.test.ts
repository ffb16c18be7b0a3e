/** Answers from a cache, before a database is asked: what is believed, kept and forgotten, and how a cache that fails is left alone. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Sealing } from "../../src/core/contract/options/encryption.ts";
import type { FinishedRecord } from "../../src/core/contract/store.ts";
import { CachedReplays } from "../../src/core/duplicates/cached-replays.ts";
import { encodeCached } from "../../src/core/outcome/cached-outcome.ts";
import type { PreparedRun } from "../../src/core/request/prepare.ts";
import { cacheThat } from "../replay/cache-support.ts";
import { preparedWith, warningsDuring } from "../support/runs.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const recordOf = ({ fingerprint }: PreparedRun): FinishedRecord => ({
  status: "completed",
  fingerprint,
  owner: "o",
  response: 'devalue:["kept"]',
});
const entryOf = (run: PreparedRun, record = recordOf(run)) =>
  encodeCached({ id: run.id, record, expiresAt: Date.now() + 60_000 });
const settled = { status: "completed", value: "made", replayed: false } as const;
const executed = (run: PreparedRun) => async () =>
  ({ end: "executed", settled, record: recordOf(run), afterCommit: [] }) as const;
const replayed = (run: PreparedRun) => async () => ({ end: "replayed", record: recordOf(run) }) as const;
/** A cipher that anybody can read. */
const sealing: Sealing = {
  seal: async (text, place) => `${JSON.stringify(place)}${text}`,
  open: async (text, place) => {
    const before = JSON.stringify(place);
    if (!text.startsWith(before)) throw new Error("not its place");
    return text.slice(before.length);
  },
};

/** Also what has failed, and what `set` was given. */
function cacheWith(does: Parameters<typeof cacheThat>[0] = {}) {
  const sets: unknown[][] = [];
  const asked = cacheThat({
    ...does,
    set: (...given) => {
      sets.push(given);
      return does.set?.(...given) ?? Promise.resolve(true);
    },
  });
  return Object.assign(asked, { sets });
}

describe("a cache", () => {
  test("answers with what it has of the same input, and nobody leads", async () => {
    const run = await preparedWith();
    const gets: unknown[] = [];
    const { cache } = cacheWith({
      get: async (key) => {
        gets.push(key);
        return entryOf(run);
      },
    });
    const found = await new CachedReplays(cache).before(run, () => expect.fail());
    expect(found).toEqual({
      end: "replayed",
      record: recordOf(run),
      settled: { status: "completed", value: "kept", replayed: true },
    });
    expect(gets).toEqual([`onceonly:shop:${run.id}`]);
  });

  test("is not believed of another input, nor what cannot be read", async () => {
    const run = await preparedWith();
    for (const more of [{ fingerprint: "other" }, { response: "other:1" }]) {
      const { cache } = cacheWith({ get: async () => entryOf(run, { ...recordOf(run), ...more }) });
      expect(await new CachedReplays(cache).before(run, replayed(run))).toMatchObject({ end: "replayed" });
    }
    const { cache } = cacheWith({ get: async () => 7 });
    expect(await new CachedReplays(cache, sealing).before(run, executed(run))).toMatchObject({ settled });
  });

  test("keeps what was executed, for as long as is left, and not what was replayed", async () => {
    const run = await preparedWith({ retentionMs: 5_000 });
    const { cache, sets } = cacheWith();
    const replays = new CachedReplays(cache);
    await replays.before(run, replayed(run));
    expect(sets).toEqual([]);
    let now = 1_000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    vi.spyOn(Date, "now").mockReturnValue(9_000);
    await replays.before(run, async () => {
      now = 1_500.5;
      return executed(run)();
    });
    expect(sets).toEqual([
      [
        `onceonly:shop:${run.id}`,
        encodeCached({ id: run.id, record: recordOf(run), expiresAt: 13_499 }),
        4_499,
      ],
    ]);
  });

  test("keeps nothing of which nothing is left: zero would be for ever", async () => {
    const run = await preparedWith({ retentionMs: 100, outageMs: 0 });
    const { cache, sets } = cacheWith();
    let now = 1_000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const after = (ms: number) =>
      new CachedReplays(cache).before(run, async () => {
        now += ms;
        return executed(run)();
      });
    await after(99.5);
    await after(150);
    expect(sets).toEqual([]);
    await after(99);
    expect(sets).toMatchObject([[expect.anything(), expect.anything(), 1]]);
  });

  test("has at most a hundred writes under way, and takes others as these end, or fail", async () => {
    const run = await preparedWith();
    const ends: (() => void)[] = [];
    const { cache, sets } = cacheWith({
      set: () =>
        new Promise((resolve, reject) =>
          ends.push(ends.length % 2 === 0 ? () => resolve(true) : () => reject(new Error("no"))),
        ),
    });
    const replays = new CachedReplays(cache);
    for (let n = 0; n < 102; n += 1) await replays.before(run, executed(run));
    expect(sets).toHaveLength(100);
    ends[0]?.();
    ends[1]?.();
    await new Promise(setImmediate);
    for (let n = 0; n < 4; n += 1) await replays.before(run, executed(run));
    expect(sets).toHaveLength(102);
    for (const end of ends) end();
  });

  test("holds what is encrypted in its own place, and what cannot be decrypted is nothing", async () => {
    const run = await preparedWith();
    const { cache, sets } = cacheWith();
    await new CachedReplays(cache, sealing).before(run, executed(run));
    await vi.waitFor(() => expect(sets).toHaveLength(1));
    const text = String(sets[0]?.[1]);
    expect(text).toContain(JSON.stringify({ id: run.id, column: "cache" }));
    const answering = cacheWith({ get: async () => text });
    expect(await new CachedReplays(answering.cache, sealing).before(run, () => expect.fail())).toMatchObject({
      settled: { value: "kept" },
    });
    expect(await new CachedReplays(answering.cache).before(run, executed(run))).toMatchObject({ settled });
    const plain = cacheWith({ get: async () => entryOf(run) });
    expect(await new CachedReplays(plain.cache, sealing).before(run, executed(run))).toMatchObject({
      settled,
    });
  });

  test("that failed is asked again after a second, by one run at a time", async () => {
    const run = await preparedWith();
    let now = 1_000;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    const answers: (() => Promise<unknown>)[] = [
      () => Promise.reject(new Error("away")),
      () => new Promise(() => {}),
    ];
    const asked = cacheWith({ get: () => (answers.shift() ?? (async () => entryOf(run)))() });
    const replays = new CachedReplays(asked.cache);
    const before = () => replays.before(run, replayed(run));
    await before();
    now = 1_999;
    await before();
    expect(asked.gets).toBe(1);
    now = 2_000;
    const late = before();
    await before();
    expect(asked.gets).toBe(2);
    await late;
    now = 2_999;
    await before();
    expect(asked.gets).toBe(2);
    now = 3_000;
    expect(await before()).toMatchObject({ settled: { value: "kept" } });
    await before();
    expect(asked.gets).toBe(4);
  });

  test("forgets by the same name, and its failure is told", async () => {
    const run = await preparedWith();
    const deleted: unknown[] = [];
    const { cache } = cacheWith();
    const remove = async (key: string) => deleted.push(key);
    await new CachedReplays({ ...cache, delete: remove }).forget(run.id);
    expect(deleted).toEqual([`onceonly:shop:${run.id}`]);
    const failing = new CachedReplays({ ...cache, delete: () => Promise.reject(new Error("away")) });
    await expect(failing.forget(run.id)).rejects.toThrow("away");
  });

  test.each<[string, Parameters<typeof cacheWith>[0]]>([
    ["failed in a look-up (away)", { get: () => Promise.reject(new Error("away")) }],
    ["failed in a write (away)", { set: () => Promise.reject(new Error("away")) }],
    ["did not take what it was given", { set: async () => false }],
  ])("that %s is warned of, and the run goes on", async (what, does) => {
    const run = await preparedWith();
    // In modules that are loaded anew, as other tests may have had the warning.
    vi.resetModules();
    const { CachedReplays: Fresh } = await import("../../src/core/duplicates/cached-replays.ts");
    const warnings = await warningsDuring(async () => {
      expect(await new Fresh(cacheWith(does).cache).before(run, executed(run))).toMatchObject({ settled });
      await new Promise(setImmediate);
    });
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining(
        `onceonly: the cache of option replayCache ${what}. The database answers instead`,
      ),
    ]);
  });

  test("that takes what it was given is warned of by nobody", async () => {
    const run = await preparedWith();
    vi.resetModules();
    const { CachedReplays: Fresh } = await import("../../src/core/duplicates/cached-replays.ts");
    const taking = [cacheWith(), cacheWith({ set: async () => undefined })];
    const warnings = await warningsDuring(async () => {
      for (const { cache } of taking) await new Fresh(cache).before(run, executed(run));
      await new Promise(setImmediate);
    });
    expect(warnings).toEqual([]);
  });
});
