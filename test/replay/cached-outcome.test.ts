/** What is written to a cache, what is believed of what is found in one, and what is said of one that fails. */
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { resolveOptions } from "../../src/core/contract/options/options.ts";
import { checkReplayCache, type ReplayCache } from "../../src/core/contract/options/replay-cache.ts";
import type { FinishedRecord } from "../../src/core/contract/store.ts";
import { CachedReplays } from "../../src/core/duplicates/cached-replays.ts";
import { decodeCached, encodeCached } from "../../src/core/outcome/cached-outcome.ts";
import { prepareRun } from "../../src/core/request/prepare.ts";
import { eventually } from "../support/eventually.ts";
import { request, warningsDuring } from "../support/runs.ts";
import { cacheThat } from "./cache-support.ts";

const records: fc.Arbitrary<FinishedRecord> = fc.record({
  status: fc.constantFrom("completed", "failed"),
  fingerprint: fc.string(),
  owner: fc.string(),
  response: fc.string({ unit: "binary" }),
});

describe("an outcome in a cache", () => {
  test("is read as it was written, until it expires, and as that of its own id alone", () => {
    fc.assert(
      fc.property(records, fc.string(), fc.string(), fc.nat(), (record, id, otherId, now) => {
        const text = encodeCached({ id, record, expiresAt: now + 1 });
        expect(decodeCached(text, id, now)).toEqual(record);
        expect(decodeCached(text, id, now + 1)).toBeUndefined();
        expect(decodeCached(text, `${id}!${otherId}`, now)).toBeUndefined();
      }),
    );
  });

  test("is nothing, whatever else is found", () => {
    const texts = fc.oneof(fc.string({ unit: "binary" }), fc.json(), fc.anything());
    fc.assert(
      fc.property(texts, (found) => {
        expect(decodeCached(found, "", 0)).toBeUndefined();
      }),
    );
  });

  test("is nothing once one of its parts is missing or of another type", () => {
    const record: FinishedRecord = { status: "completed", fingerprint: "f", owner: "o", response: "r" };
    const good = JSON.parse(encodeCached({ id: "i", record, expiresAt: 5 })) as object;
    for (const part of Object.keys(good)) {
      for (const value of [undefined, null, true, 3, "x", [], {}]) {
        if (part === "expiresAt" && value === 3) continue;
        const isText = ["fingerprint", "owner", "response"].includes(part) && value === "x";
        const found = decodeCached(JSON.stringify({ ...good, [part]: value }), "i", 4);
        expect([part, value, found !== undefined]).toEqual([part, value, isText]);
      }
    }
  });
});

describe("a cache that fails", () => {
  const fail = () => Promise.reject(new Error("connect ECONNREFUSED 127.0.0.1:6379"));

  test.each<[string, Partial<ReplayCache>]>([
    ["failed in a look-up (connect ECONNREFUSED 127.0.0.1:6379)", { get: fail, set: fail }],
    ["failed in a look-up (no answer within 100 ms)", { get: () => new Promise(() => {}) }],
    ["failed in a write (connect ECONNREFUSED 127.0.0.1:6379)", { set: fail }],
    ["did not take what it was given", { set: async () => false }],
  ])("is told of once in a process, and no more: %s", async (what, does) => {
    const warnings = await warningsDuring(async () => {
      vi.resetModules();
      const { CachedReplays } = await import("../../src/core/duplicates/cached-replays.ts");
      const run = await prepareRun(request("k"), resolveOptions({}));
      const record: FinishedRecord = { status: "completed", fingerprint: "f", owner: "o", response: "r" };
      const lead = async () => ({
        end: "executed" as const,
        settled: { status: "completed" as const, value: 1, replayed: false },
        record,
        afterCommit: [],
      });
      for (const each of [does, does, { get: fail, set: fail }]) {
        expect(await new CachedReplays(cacheThat(each).cache).before(run, lead)).toEqual(await lead());
      }
    });
    expect(warnings).toMatchObject([{ name: "OnceonlyWarning", code: "ONCEONLY_REPLAY_CACHE" }]);
    expect(warnings[0]?.message).toBe(
      `onceonly: the cache of option replayCache ${what}. The database answers instead, and the cache is tried again; this ` +
        "is said once.",
    );
  });
});

describe("option replayCache", () => {
  const { cache } = cacheThat({});

  test.each([
    ["null", null],
    ["boolean", true],
    ["number", 5],
    ["string", "redis://127.0.0.1:6379"],
    ["array", []],
    ["object", { namespace: "shop", get: async () => undefined }],
    ["function", () => cache],
  ])("refuses a value of type %s", (type, value) => {
    const check = () => checkReplayCache(value as unknown as ReplayCache);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`onceonly: option replayCache is of type ${type}`);
    expect(check).toThrow("an object with the functions get and set");
  });

  test.each([
    ["Keyv's default namespace", "keyv"],
    ["no namespace", ""],
    ["no namespace", undefined],
    ["no namespace", 7],
  ])("refuses one with %s (%j), which others may share", (found, namespace) => {
    const check = () => checkReplayCache({ ...cache, namespace: namespace as string });
    expect(check).toThrow(TypeError);
    expect(check).toThrow(`onceonly: option replayCache has ${found}; give one that no other database has`);
  });
});

test("writes that are never answered do not stand in the way of others for good", async () => {
  const asked = cacheThat({ set: () => new Promise(() => {}) });
  const cached = new CachedReplays(asked.cache);
  const run = await prepareRun(request("k"), resolveOptions({}));
  const record: FinishedRecord = { status: "completed", fingerprint: "f", owner: "o", response: "r" };
  const settled = { status: "completed", value: 1, replayed: false } as const;
  const write = () =>
    cached.before<number>(run, async () => ({ end: "executed", settled, record, afterCommit: [] }));
  for (let writes = 0; writes < 110; writes += 1) await write();
  expect(asked.sets).toBe(100);
  await eventually(async () => {
    await write();
    expect(asked.sets).toBeGreaterThan(100);
  });
});

test("a cache that failed is left alone for a moment, and asked again then", async () => {
  const asked = cacheThat({ get: () => Promise.reject(new Error("away")) });
  const cached = new CachedReplays(asked.cache);
  const run = await prepareRun(request("k"), resolveOptions({}));
  const record: FinishedRecord = { status: "completed", fingerprint: "f", owner: "o", response: "r" };
  const lookUp = () => cached.before<number>(run, async () => ({ end: "replayed", record }));
  await lookUp();
  await lookUp();
  expect(asked.gets).toBe(1);
  await eventually(async () => {
    await lookUp();
    expect(asked.gets).toBe(2);
  });
});
