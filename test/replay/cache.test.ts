/** Option `replayCache`, over Keyv in memory. test/brokers/redis.test.ts has it over a Redis that goes away. */
import { describe, expect, test } from "vitest";
import { createIdempotency, type ReplayCache } from "../../src/index.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { createDeferred, expire, failureOf, placing, records, request } from "../support/runs.ts";
import { cachedOver, cacheKeyOf, cacheThat, kept, keyvOver } from "./cache-support.ts";

const HOUR = 3_600_000;

const never = () => new Promise<never>(() => {});

/** What may stand in a cache in place of a good outcome. */
const spoiling: Record<string, (good: Readonly<Record<string, unknown>>) => unknown> = {
  "another format": (good) => JSON.stringify({ ...good, format: 2 }),
  "no format": (good) => JSON.stringify({ ...good, format: undefined }),
  "another id": (good) => JSON.stringify({ ...good, id: String(good["id"]).toLowerCase() }),
  "in progress": (good) => JSON.stringify({ ...good, status: "in_progress" }),
  claimed: (good) => JSON.stringify({ ...good, status: "claimed", attempt: 1, mine: true }),
  "no status": (good) => JSON.stringify({ ...good, status: undefined }),
  expired: (good) => JSON.stringify({ ...good, expiresAt: Date.now() - 1 }),
  "an expiry in words": (good) => JSON.stringify({ ...good, expiresAt: "tomorrow" }),
  "no expiry": (good) => JSON.stringify({ ...good, expiresAt: null }),
  "no fingerprint": (good) => JSON.stringify({ ...good, fingerprint: undefined }),
  "another fingerprint": (good) => JSON.stringify({ ...good, fingerprint: "x".repeat(43) }),
  "no response": (good) => JSON.stringify({ ...good, response: null }),
  "a response in place of its text": (good) => JSON.stringify({ ...good, response: ["forged"] }),
  "a response without a codec": (good) => JSON.stringify({ ...good, response: '["forged"]' }),
  "a response of another codec": (good) => JSON.stringify({ ...good, response: 'superjson:["forged"]' }),
  "a response that is cut off": (good) => JSON.stringify({ ...good, response: 'devalue:["for' }),
  "an error that is none": (good) => JSON.stringify({ ...good, status: "failed", response: "devalue:[" }),
  "a prototype": (good) => `{"__proto__":${JSON.stringify(good)}}`,
  "a list": (good) => JSON.stringify([good]),
  null: () => "null",
  "a number": () => "7",
  "half a text": (good) => JSON.stringify(good).slice(0, -9),
  "no JSON": () => "\0\u{d800}<html>",
  bytes: (good) => Buffer.from(JSON.stringify(good)),
  "the object itself": (good) => good,
};

describe.each(databases)("a cache of replays on $name", ({ name, open }) => {
  test("answers a duplicate in another process, and the database is asked nothing", async () => {
    await using db = await open();
    const store = new Map();
    const here = cachedOver(db.prisma, keyvOver(store));
    const place = placing("k");
    const failed = () => Promise.reject(new Error("sold out"));
    const first = await here.run(request("k", { input: 1 }), place);
    await here.runSettled(request("failed"), failed);
    await here.runLeased(request("leased"), async () => ({ charge: 5n }));
    for (const key of ["k", "failed", "leased"]) await kept(keyvOver(store), key);
    const statements: string[] = [];
    const other = await db.connect({ log: (statement) => statements.push(statement) });
    const idempotency = cachedOver(other, keyvOver(store));
    expect(await idempotency.run(request("k", { input: 1 }), place)).toEqual({ ...first, replayed: true });
    expect(await idempotency.runSettled(request("failed"), failed)).toMatchObject({
      status: "failed",
      replayed: true,
      error: { message: "sold out" },
    });
    expect(await idempotency.runLeased(request("leased"), failed)).toEqual({
      value: { charge: 5n },
      replayed: true,
    });
    expect(statements).toEqual([]);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("is written after COMMIT, for no longer than the record counts, and never for ever", async () => {
    await using db = await open();
    const seen: unknown[] = [];
    const { cache, ttls } = cacheThat({
      set: async (_key, value) => {
        const [row] = await db.query("SELECT status, response FROM idempotency_record");
        seen.push([row?.["status"], row?.["response"]]);
        const { status, response, expiresAt } = JSON.parse(value) as Record<string, unknown>;
        seen.push([status, response]);
        expect(Number(expiresAt)).toBeLessThanOrEqual(Date.now() + HOUR);
      },
    });
    const idempotency = cachedOver(db.prisma, cache, { retentionMs: HOUR });
    await idempotency.run(request("k"), async () => "done");
    await expect.poll(() => seen).toHaveLength(2);
    expect(seen[0]).toEqual(seen[1]);
    expect(ttls).toHaveLength(1);
    expect(ttls[0]).toBeLessThanOrEqual(HOUR);
    expect(ttls[0]).toBeGreaterThan(0);
    // Over before it ends: Keyv takes a time of 0 for no limit.
    await idempotency.run(
      request("short", { retentionMs: 1 }),
      () => new Promise((end) => setTimeout(end, 5)),
    );
    expect(ttls).toHaveLength(1);
  });

  test("holds nothing of a run that is not committed", async () => {
    await using db = await open();
    const asked = cacheThat({});
    const idempotency = cachedOver(db.prisma, asked.cache, { storeError: () => false });
    await expect(
      idempotency.run(request("k"), async ({ tx }) => {
        await placing("k")({ tx });
        throw new Error("released");
      }),
    ).rejects.toThrow("released");
    await failureOf(idempotency.run(request("k"), async () => () => "cannot be stored"));
    if (name === "postgresql") {
      await createDeferred(db);
      const broken = idempotency.run(request("k"), async ({ tx }) => {
        await tx.$executeRawUnsafe("INSERT INTO child VALUES (7)");
      });
      await expect(broken).rejects.toThrow();
    }
    expect([asked.sets, await db.countOrders()]).toEqual([0, 0]);
  });

  test("still answers for a record that was deleted by hand, or has expired before its time: its price", async () => {
    await using db = await open();
    const store = new Map();
    const place = placing("k");
    const first = await cachedOver(db.prisma, keyvOver(store)).run(request("k"), place);
    await kept(keyvOver(store), "k");
    await expire(db);
    const again = async () => cachedOver(await db.connect(), keyvOver(store)).run(request("k"), place);
    expect(await again()).toEqual({ ...first, replayed: true });
    await db.query("DELETE FROM idempotency_record");
    expect(await again()).toEqual({ ...first, replayed: true });
    // What the guide says to do as well.
    await keyvOver(store).delete(cacheKeyOf("k"));
    expect((await again()).replayed).toBe(false);
    expect([place.runs, await db.countOrders()]).toEqual([2, 2]);
  });

  test("is no answer to a key that comes with another input: the database refuses it, or executes", async () => {
    await using db = await open();
    const keyv = keyvOver(new Map());
    const idempotency = cachedOver(db.prisma, keyv);
    await idempotency.run(request("k", { input: 1 }), placing("k"));
    await kept(keyv, "k");
    const reused = await failureOf(idempotency.run(request("k", { input: 2 }), placing("k")));
    expect([reused.code, await db.countOrders()]).toEqual(["KEY_REUSED", 1]);
    await db.query("DELETE FROM idempotency_record");
    expect((await idempotency.run(request("k", { input: 2 }), placing("k"))).replayed).toBe(false);
  });

  test("is no answer to another scope, operation or key, even if its text stands there", async () => {
    await using db = await open();
    const keyv = keyvOver(new Map());
    const idempotency = cachedOver(db.prisma, keyv);
    await idempotency.run(request("k"), async () => "of u");
    const text = await kept(keyv, "k");
    const others = [{ key: "k", scope: "v" }, { key: "k", operation: "orders.cancel" }, { key: "K" }];
    for (const other of others) {
      await keyv.set(cacheKeyOf(other.key, other), text, HOUR);
      const own = await idempotency.run(request(other.key, other), async () => "own");
      expect(own).toEqual({ value: "own", replayed: false });
    }
  });

  test("never executes: whatever stands there, a fresh key runs once and a finished one is replayed", async () => {
    await using db = await open();
    const keyv = keyvOver(new Map());
    await cachedOver(db.prisma, keyv).run(request("done"), async () => "first");
    const { response, ...rest } = JSON.parse(await kept(keyv, "done")) as Record<string, unknown>;
    expect(response).toBe('devalue:["first"]');
    const other = await db.connect();
    for (const [what, spoilt] of Object.entries(spoiling)) {
      const find = async (cacheKey: string) => {
        const id = cacheKey.split(":").at(-1);
        return spoilt({ ...rest, id, response: 'devalue:["forged"]' });
      };
      const idempotency = cachedOver(other, cacheThat({ get: find }).cache);
      const replayed = await idempotency.run(request("done"), async () => "second");
      expect([what, replayed]).toEqual([what, { value: "first", replayed: true }]);
      const place = placing(what);
      expect([what, (await idempotency.run(request(what), place)).replayed]).toEqual([what, false]);
      expect([what, place.runs, await db.countOrders({ key: what })]).toEqual([what, 1, 1]);
    }
  });

  test("that fails in any way changes no answer, and is no reason to fail", async () => {
    await using db = await open();
    const fail = (): never => {
      throw new Error("thrown");
    };
    const reject = () => Promise.reject(new Error("rejected"));
    const caches: Partial<ReplayCache>[] = [
      { get: fail, set: fail },
      { get: reject, set: reject },
      { get: reject, set: async () => false },
      { get: never, set: never },
      { get: () => "no promise" as never, set: () => undefined as never },
    ];
    for (const [index, does] of caches.entries()) {
      const idempotency = cachedOver(db.prisma, cacheThat(does).cache);
      const place = placing(`k${index}`);
      const first = await idempotency.run(request(`k${index}`), place);
      expect(await idempotency.run(request(`k${index}`), place)).toEqual({ ...first, replayed: true });
      expect([first.replayed, place.runs, await db.countOrders()]).toEqual([false, 1, index + 1]);
    }
  });

  test("that does not answer is waited for by one run a second, not by all", async () => {
    await using db = await open();
    const asked = cacheThat({ get: never });
    const idempotency = cachedOver(db.prisma, asked.cache);
    const began = performance.now();
    for (let run = 0; run < 20; run += 1) await idempotency.run(request(`k${run}`), async () => run);
    const seconds = Math.floor((performance.now() - began) / 1_000);
    expect(asked.gets).toBeGreaterThan(0);
    expect(asked.gets).toBeLessThanOrEqual(1 + seconds);
  });

  test("that takes no writes gets a hundred of them, and no more", async () => {
    await using db = await open();
    const asked = cacheThat({ set: never });
    const idempotency = cachedOver(db.prisma, asked.cache);
    for (let run = 0; run < 110; run += 1) await idempotency.run(request(`k${run}`), async () => run);
    expect(asked.sets).toBe(100);
  });

  test("is asked once for duplicates at a time in one process", async () => {
    await using db = await open();
    const place = placing("k");
    let answer: (() => void) | undefined;
    const asked = cacheThat({
      get: () =>
        new Promise((resolve) => {
          answer = () => resolve(undefined);
        }),
    });
    const idempotency = cachedOver(db.prisma, asked.cache);
    const runs = Array.from({ length: 10 }, () => idempotency.run(request("k"), place));
    await expect.poll(() => answer).toBeDefined();
    answer?.();
    const answers = await Promise.all(runs);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect([asked.gets, place.runs, await db.countOrders()]).toEqual([1, 1, 1]);
  });

  test("belongs to one database", async () => {
    await using db = await open();
    await using other = await open();
    const keyv = keyvOver(new Map());
    createIdempotency({ prisma: db.prisma, replayCache: keyv });
    // Another object of the same database, as a second module makes it.
    createIdempotency({ prisma: db.prisma, replayCache: keyv, waitMs: 5 });
    const refused = "onceonly: option replayCache is the cache of another database already";
    expect(() => createIdempotency({ prisma: other.prisma, replayCache: keyv })).toThrow(TypeError);
    expect(() => createIdempotency({ prisma: other.prisma, replayCache: keyv })).toThrow(refused);
    const models = { record: { table: "elsewhere" } };
    expect(() => createIdempotency({ prisma: db.prisma, models, replayCache: keyv })).toThrow(refused);
    expect((await records(other)).length).toBe(0);
  });
});

describe.runIf(onPostgres)("a cache of replays", () => {
  test("answers while the database is away", async () => {
    await using db = await openPostgres();
    const keyv = keyvOver(new Map());
    const place = placing("k");
    const first = await cachedOver(db.prisma, keyv).run(request("k"), place);
    await kept(keyv, "k");
    const away = await db.connect({ url: "postgresql://nobody@127.0.0.1:1/none" });
    const idempotency = cachedOver(away, keyvOver(new Map(keyv.store as Map<string, unknown>)), {
      outageMs: 0,
    });
    expect(await idempotency.run(request("k"), place)).toEqual({ ...first, replayed: true });
    expect((await failureOf(idempotency.run(request("fresh"), place))).code).toBe("STORE_UNAVAILABLE");
  });
});
