/** Option `replayCache` over a Redis that is paused, killed and started anew: the database answers, and nothing executes twice. */
import KeyvRedis, { type RedisClientType } from "@keyv/redis";
import Keyv from "keyv";
import { describe, expect, test } from "vitest";
import { cachedOver, cacheKeyOf, kept } from "../replay/cache-support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { eventually } from "../support/eventually.ts";
import { failureOf, placing, request } from "../support/runs.ts";
import { redisIsThere } from "./brokers.ts";
import { type Redis, startRedis } from "./redis-server.ts";

const isThere = await redisIsThere();

const HOUR = 3_600_000;

/** As a process has it: with a connection of its own. */
function cacheOf(redis: Redis) {
  const keyv = new Keyv({ store: new KeyvRedis(redis.url), namespace: "shop" });
  keyv.on("error", () => {});
  const close = async () => {
    // The ordinary end waits for a server that may be away.
    await (keyv.store as KeyvRedis<unknown>).client.destroy();
  };
  return Object.assign(keyv, { [Symbol.asyncDispose]: close });
}

/** Whether a client that has never seen the key is answered without a statement. */
async function isCached(prisma: TestClient, keyv: Keyv, statements: string[], key: string) {
  statements.length = 0;
  const { replayed } = await cachedOver(prisma, keyv).run(request(key), placing(key));
  return replayed && statements.length === 0;
}

describe.runIf(isThere).each(databases)("a cache of replays in Redis, on $name", ({ open }) => {
  test("answers another process, with what is left of the retention as its time", async () => {
    await using redis = await startRedis();
    await using db = await open();
    await using here = cacheOf(redis);
    await using there = cacheOf(redis);
    const place = placing("k");
    const first = await cachedOver(db.prisma, here, { retentionMs: HOUR }).run(request("k"), place);
    await kept(here, "k");
    const statements: string[] = [];
    const other = await db.connect({ log: (statement) => statements.push(statement) });
    // A busy machine may make a look-up late.
    await eventually(async () => expect(await isCached(other, there, statements, "k")).toBe(true), 200);
    expect(await cachedOver(other, there).run(request("k"), place)).toEqual({ ...first, replayed: true });
    const store = here.store as KeyvRedis<unknown>;
    const client = await store.getClient();
    const [key = ""] = await client.keys("*");
    expect(key).toContain(cacheKeyOf("k"));
    const ttl = await client.pTTL(key);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(HOUR);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });

  test("that is paused holds nobody up: runs execute, retries are replayed, and later it answers again", async () => {
    await using redis = await startRedis();
    await using db = await open();
    await using keyv = cacheOf(redis);
    await using there = cacheOf(redis);
    const idempotency = cachedOver(db.prisma, keyv);
    await idempotency.run(request("before"), placing("before"));
    await kept(keyv, "before");
    redis.pause();
    const place = placing("paused");
    const first = await idempotency.run(request("paused"), place);
    expect(first.replayed).toBe(false);
    expect(await idempotency.run(request("paused"), place)).toEqual({ ...first, replayed: true });
    expect((await idempotency.run(request("before"), placing("before"))).replayed).toBe(true);
    const reused = await failureOf(idempotency.run(request("paused", { input: 1 }), place));
    expect(reused.code).toBe("KEY_REUSED");
    redis.resume();
    const statements: string[] = [];
    const other = await db.connect({ log: (statement) => statements.push(statement) });
    await eventually(async () => expect(await isCached(other, there, statements, "before")).toBe(true), 200);
    expect([place.runs, await db.countOrders()]).toEqual([1, 2]);
  });

  test("that is killed, and comes back empty, is filled anew; nothing is executed twice", async () => {
    await using redis = await startRedis();
    await using db = await open();
    await using keyv = cacheOf(redis);
    await using there = cacheOf(redis);
    const idempotency = cachedOver(db.prisma, keyv);
    const places = new Map(["before", "away", "after"].map((key) => [key, placing(key)]));
    const run = (key: string) => idempotency.run(request(key), places.get(key) ?? placing(key));
    await run("before");
    await kept(keyv, "before");
    await redis.kill();
    expect((await run("before")).replayed).toBe(true);
    expect((await run("away")).replayed).toBe(false);
    expect((await run("away")).replayed).toBe(true);
    await redis.start();
    expect((await run("before")).replayed).toBe(true);
    await run("after");
    const statements: string[] = [];
    const other = await db.connect({ log: (statement) => statements.push(statement) });
    // Until the client has connected anew, runs are not written; one that is then is answered from there.
    let round = 0;
    await eventually(async () => {
      round += 1;
      await run(`later ${round}`);
      await kept(keyv, `later ${round}`);
      expect(await isCached(other, there, statements, `later ${round}`)).toBe(true);
    }, 200);
    for (const place of places.values()) expect(place.runs).toBe(1);
    expect(await db.countOrders()).toBe(3 + round);
  });

  test("that holds what others have put there, or takes nothing more, leaves the answer to the database", async () => {
    await using redis = await startRedis();
    await using db = await open();
    await using keyv = cacheOf(redis);
    const idempotency = cachedOver(db.prisma, keyv);
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    await kept(keyv, "k");
    const client = await (keyv.store as KeyvRedis<unknown>).getClient();
    const [key = ""] = await client.keys("*");
    const foreign = [
      () => client.lPush(key, "a list"),
      () => client.hSet(key, "a", "hash"),
      () => client.set(key, "no JSON {"),
      () => client.set(key, '{"value":{"status":"completed"}}'),
      () => client.set(key, "null"),
    ];
    for (const put of foreign) {
      await client.del(key);
      await put();
      // Another object, as one that failed pauses.
      expect(await cachedOver(db.prisma, keyv).run(request("k"), place)).toEqual({
        ...first,
        replayed: true,
      });
    }
    await (client as RedisClientType).configSet("maxmemory", "1");
    expect((await idempotency.run(request("full"), placing("full"))).replayed).toBe(false);
    expect((await idempotency.run(request("full"), placing("full"))).replayed).toBe(true);
    expect(await keyv.get(cacheKeyOf("full"))).toBeUndefined();
    expect([place.runs, await db.countOrders()]).toEqual([1, 2]);
  });

  test("under load, killed and paused, changes no answer: one order for each key", async () => {
    await using redis = await startRedis();
    await using db = await open();
    await using here = cacheOf(redis);
    await using there = cacheOf(redis);
    const processes = [cachedOver(db.prisma, here), cachedOver(await db.connect(), there)];
    const keys = Array.from({ length: 60 }, (_, index) => `k${index}`);
    const answers = new Map<string, Set<string>>();
    const send = async (key: string) => {
      for (const idempotency of processes) {
        const { value } = await idempotency.run(request(key), placing(key));
        answers.set(key, (answers.get(key) ?? new Set()).add(value.id));
      }
    };
    const disturbances = [
      async () => redis.pause(),
      async () => redis.resume(),
      () => redis.kill(),
      () => redis.start(),
    ];
    for (const [index, key] of keys.entries()) {
      await Promise.all([send(key), send(key), send(keys[index >> 1] ?? key)]);
      if (index % 10 === 9) await disturbances.shift()?.();
    }
    expect([...answers.values()].map((ids) => ids.size)).toEqual(keys.map(() => 1));
    expect(await db.countOrders()).toBe(keys.length);
  });
});
