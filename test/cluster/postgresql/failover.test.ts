/** The primary dies, and its standby takes over. */
import { describe, expect, it } from "vitest";
import { isIdempotencyError } from "../../../src/core/contract/errors/errors.ts";
import { eventually } from "../../support/eventually.ts";
import { inconsistencies } from "../../support/shop.ts";
import { COMMIT, openProxy } from "../../support/tcp-proxy.ts";
import { openApplication } from "./application.ts";
import { Load, lostOf, oddOf } from "./load.ts";
import { openPair, type Pair } from "./pair.ts";
import { startPgbouncer } from "./pgbouncer.ts";
import { openShopClient } from "./shop-client.ts";

const isRetryable = (error: unknown) => isIdempotencyError(error) && error.retryable;

/** The same call again, as a client does it, for as long as the answer says that this may help. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isRetryable(error)) throw error;
    }
  }
}

/** The order of "k" is placed, and its COMMIT waits for a standby that does not get it. */
async function waitingForStandby(pair: Pair, app: ReturnType<typeof openApplication>) {
  await app.place("before");
  await pair.holdBack();
  const placing = untilAnswered(() => app.place("k"));
  const pid = await eventually(async () => {
    const [backend] = await pair.primary("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    expect(backend).toBeDefined();
    return Number(backend?.["pid"]);
  });
  return { placing, pid };
}

describe("a synchronous standby", () => {
  it.each([
    ["HAProxy", async (pair: Pair) => ({ url: pair.url, [Symbol.asyncDispose]: async () => {} })],
    [
      "PgBouncer and HAProxy",
      async (pair: Pair) => {
        const bouncer = await startPgbouncer(pair.url, { port: 5523 });
        return Object.assign(bouncer, { url: bouncer.through(pair.url) });
      },
    ],
  ])(
    "under load, behind %s: nothing acknowledged is lost, none executed twice, and who had not begun has no error",
    async (_, open) => {
      await using pair = await openPair({ synchronous: true });
      await using way = await open(pair);
      await using app = openApplication(way.url);
      let interrupted = 0;
      const place = async (key: string) => {
        app.begun.delete(key);
        try {
          return await (/^[0-3]/.test(key) ? app.placeLeased(key) : app.place(key));
        } catch (error) {
          if (app.begun.has(key)) interrupted += 1;
          throw error;
        }
      };
      const load = new Load({ callers: 8, place, isRetried: isRetryable });
      await load.more(100);
      pair.killPrimary();
      await pair.promote();
      await load.more(100);
      await load.end();
      expect(await lostOf(load.answers, { query: pair.standby })).toEqual([]);
      expect(await inconsistencies({ query: pair.standby })).toEqual([]);
      expect(load.failures).toHaveLength(interrupted);
      expect([...app.charges].filter(([, count]) => count > 1)).toEqual([]);
    },
  );

  it("takes over from a primary that stands still: every client with the defaults comes through by itself", async () => {
    await using pair = await openPair({ synchronous: true });
    await using client = await openShopClient(pair.url);
    const load = new Load({ callers: 8, place: client.place });
    await load.more(50);
    pair.freezePrimary();
    await pair.promote();
    await load.more(50);
    await load.end();
    expect(await lostOf(load.answers, { query: pair.standby })).toEqual([]);
    expect(await oddOf({ query: pair.standby })).toEqual([]);
  });

  it("has the COMMIT whose answer died with the primary: its caller gets the result, without an error", async () => {
    await using pair = await openPair({ synchronous: true });
    await using proxy = await openProxy(pair.url);
    await using app = openApplication(proxy.url);
    const commit = proxy.intercept(COMMIT, "answered");
    const placing = app.place("k");
    await commit.reached;
    pair.killPrimary();
    commit.cut();
    await pair.promote();
    const orderId = await placing;
    expect(await pair.standby('SELECT id FROM "Order"')).toEqual([{ id: orderId }]);
    expect(await inconsistencies({ query: pair.standby })).toEqual([]);
  });

  it("never got the COMMIT that waited for it: nobody was told of it, and the retry executes", async () => {
    await using pair = await openPair({ synchronous: true });
    await using app = openApplication(pair.url);
    const { placing } = await waitingForStandby(pair, app);
    pair.killPrimary();
    await pair.promote();
    const orderId = await placing;
    expect(await pair.standby(`SELECT id FROM "Order" WHERE key = 'k'`)).toEqual([{ id: orderId }]);
    expect(await inconsistencies({ query: pair.standby })).toEqual([]);
  });

  it("does not have what was acknowledged when somebody cancelled the wait for it", async () => {
    await using pair = await openPair({ synchronous: true });
    await using app = openApplication(pair.url);
    const { placing, pid } = await waitingForStandby(pair, app);
    await pair.primary(`SELECT pg_cancel_backend(${pid})`);
    await placing;
    pair.killPrimary();
    await pair.promote();
    expect(await pair.standby('SELECT key FROM "Order"')).toEqual([{ key: "before" }]);
  });
});

describe("an asynchronous standby", () => {
  it("that is behind loses what was acknowledged, record and effect together; a retry executes again", async () => {
    await using pair = await openPair({ synchronous: false });
    await using app = openApplication(pair.url);
    const load = new Load({ callers: 8, place: app.place, isRetried: isRetryable });
    await load.more(50);
    await pair.holdBack();
    await load.more(100);
    pair.killPrimary();
    await pair.promote();
    await load.more(50);
    await load.end();
    const lost = await lostOf(load.answers, { query: pair.standby });
    // What was under way at either end may be counted otherwise.
    expect(lost.length).toBeGreaterThanOrEqual(80);
    // What is left agrees with itself, and so it does after the retries.
    expect(await inconsistencies({ query: pair.standby })).toEqual([]);
    for (const { key, orderId } of lost) {
      app.begun.delete(key);
      expect(await app.place(key)).not.toBe(orderId);
      expect(app.begun).toContain(key);
    }
    expect(await inconsistencies({ query: pair.standby })).toEqual([]);
  });
});
