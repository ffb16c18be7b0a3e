/** The database is away for a while, as in a failover: what runs do until it is back. */
import { describe, expect, it } from "vitest";
import { idempotentFetch } from "../../src/client/index.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { withIdempotency } from "../../src/http/index.ts";
import type { ClientOptions } from "../support/clients.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, request } from "../support/runs.ts";
import { COMMIT, openProxy } from "../support/tcp-proxy.ts";

/** An application whose database is behind a proxy. */
async function openBehindProxy(options: RunOptions = {}, messages: ClientOptions["messages"] = "shared") {
  const db = await openPostgres();
  const proxy = await openProxy(db.url);
  const prisma = await db.connect({ url: proxy.url, max: 2, messages });
  return {
    db,
    proxy,
    idempotency: idempotencyOf(prisma, options),
    leave() {
      proxy.refusing = true;
      proxy.cutAll();
    },
    /** Has been asked for in vain that many times more. */
    missed(times: number) {
      const before = proxy.refusals;
      return expect.poll(() => proxy.refusals, { interval: 10 }).toBeGreaterThanOrEqual(before + times);
    },
    comeBack() {
      proxy.refusing = false;
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

/** The database has answered this process, and is away. */
async function openInOutage(options: RunOptions = {}) {
  const app = await openBehindProxy(options);
  await app.idempotency.run(request("before"), placing("before"));
  app.leave();
  return app;
}

const leased = (idempotency: ReturnType<typeof idempotencyOf>, key: string) => {
  const place = placing(key);
  return {
    place,
    run: idempotency.runLeased(request(key), ({ transaction }) => transaction("order", place)),
  };
};

describe.runIf(onPostgres)("a run that meets a database that is away", () => {
  it("waits for it, and executes once", async () => {
    await using app = await openInOutage();
    const place = placing("k");
    const run = app.idempotency.run(request("k"), place);
    await app.missed(3);
    expect(place.runs).toBe(0);
    app.comeBack();
    expect(await run).toMatchObject({ replayed: false });
    expect([place.runs, await app.db.countOrders()]).toEqual([1, 2]);
  });

  it("waits for its lease, and executes once", async () => {
    await using app = await openInOutage();
    const { place, run } = leased(app.idempotency, "k");
    await app.missed(3);
    app.comeBack();
    expect(await run).toMatchObject({ replayed: false });
    expect([place.runs, await app.db.countOrders()]).toEqual([1, 2]);
  });

  it("waits for a lease that it has already got, as the answer was lost, and executes once", async () => {
    await using app = await openBehindProxy({ waitMs: 1 });
    await app.idempotency.run(request("before"), placing("before"));
    const claim = app.proxy.intercept(/^WITH bound AS/, "answered");
    const { place, run } = leased(app.idempotency, "k");
    await claim.reached;
    app.leave();
    claim.cut();
    await app.missed(3);
    app.comeBack();
    expect(await run).toMatchObject({ replayed: false });
    expect([place.runs, await app.db.countOrders()]).toEqual([1, 2]);
  });

  it("gives a lease back when it is there again, so that the retry executes at once", async () => {
    await using app = await openBehindProxy({ waitMs: 1 });
    const place = placing("k");
    const attempt = () =>
      app.idempotency.runLeased(request("k"), ({ transaction }) =>
        transaction("order", async (context) => {
          if (place.runs === 0) app.leave();
          return place(context);
        }),
      );
    const failure = failureOf(attempt());
    await app.missed(3);
    app.comeBack();
    expect(await failure).toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect(await attempt()).toMatchObject({ replayed: false });
    expect([place.runs, await app.db.countOrders()]).toEqual([2, 1]);
  });

  it("waits with a transaction of a leased run, which repeats no step", async () => {
    await using app = await openBehindProxy();
    let charges = 0;
    const place = placing("k");
    const run = app.idempotency.runLeased(request("k"), async ({ step, transaction }) => {
      await step("charge", () => {
        charges += 1;
      });
      app.leave();
      return transaction("order", place);
    });
    await app.missed(3);
    app.comeBack();
    expect(await run).toMatchObject({ replayed: false });
    expect([charges, place.runs, await app.db.countOrders()]).toEqual([1, 1, 1]);
  });

  it("waits with a transaction of a leased run no longer than its lease is held", async () => {
    const LEASE = { leaseMs: 1_500, transaction: { timeoutMs: 1_000 } };
    await using app = await openBehindProxy(LEASE);
    const place = placing("k");
    let signal: AbortSignal | undefined;
    const run = app.idempotency.runLeased(request("k"), (context) => {
      ({ signal } = context);
      app.leave();
      return context.transaction("order", place);
    });
    expect(await failureOf(run)).toMatchObject({ code: "LEASE_LOST", details: { takenOver: false } });
    expect([signal?.aborted, place.runs]).toEqual([true, 0]);
    app.comeBack();
    const retry = app.idempotency.runLeased(request("k"), ({ transaction }) => transaction("order", place));
    expect(await retry).toMatchObject({ replayed: false });
    expect([place.runs, await app.db.countOrders()]).toEqual([1, 1]);
  });

  it("replays what was stored before", async () => {
    await using app = await openInOutage();
    const run = app.idempotency.run(request("before"), placing("before"));
    await app.missed(3);
    app.comeBack();
    expect(await run).toMatchObject({ replayed: true });
  });

  it.each([
    [
      "in mode transaction",
      (idempotency: ReturnType<typeof idempotencyOf>) => idempotency.run(request("k"), placing("k")),
    ],
    ["in mode lease", (idempotency: ReturnType<typeof idempotencyOf>) => leased(idempotency, "k").run],
  ])("gives up after outageMs, %s: STORE_UNAVAILABLE, and the retry executes", async (_, start) => {
    await using app = await openInOutage({ outageMs: 300 });
    const missed = app.missed(2);
    expect(await failureOf(start(app.idempotency))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      retryable: true,
    });
    await missed;
    app.comeBack();
    expect(await start(app.idempotency)).toMatchObject({ replayed: false });
    expect(await app.db.countOrders()).toBe(2);
  });

  it.each([
    ["that has never answered", {}, false],
    ["where outageMs is 0", { outageMs: 0 }, true],
  ])("does not wait for one %s", async (_, options, hasAnswered) => {
    await using app = await openBehindProxy(options);
    if (hasAnswered) await app.idempotency.run(request("before"), placing("before"));
    app.leave();
    expect((await failureOf(app.idempotency.run(request("k"), placing("k")))).code).toBe("STORE_UNAVAILABLE");
    // One on each connection that the pool has lost, at most.
    expect(app.proxy.refusals).toBeLessThanOrEqual(2);
  });
});

it.runIf(onPostgres)("a replay whose COMMIT was lost is asked for again", async () => {
  await using app = await openBehindProxy({}, "one by one");
  await idempotencyOf(app.db.prisma).run(request("k"), placing("k"));
  await app.idempotency.run(request("before"), placing("before"));
  app.proxy.cutCommit("before");
  expect(await app.idempotency.run(request("k"), placing("k"))).toMatchObject({ replayed: true });
});

describe.runIf(onPostgres)("a run whose COMMIT was lost with the database", () => {
  it.each([
    ["answered", true],
    ["before", false],
  ] as const)("asks until it is back (COMMIT cut %s)", async (when, isCommitted) => {
    await using app = await openBehindProxy();
    const commit = app.proxy.intercept(COMMIT, when);
    const place = placing("k");
    const run = app.idempotency.run(request("k"), place).then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    await commit.reached;
    app.leave();
    commit.cut();
    await app.missed(3);
    app.comeBack();
    expect(await run).toMatchObject(
      isCommitted ? { answer: { replayed: false } } : { error: { code: "STORE_UNAVAILABLE" } },
    );
    expect(await app.db.countOrders()).toBe(isCommitted ? 1 : 0);
    expect(await app.idempotency.run(request("k"), place)).toMatchObject({ replayed: isCommitted });
    expect(await app.db.countOrders()).toBe(1);
  });
});

const aborted = (signal?: AbortSignal | null) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error));
  });

it.runIf(onPostgres)(
  "idempotentFetch comes through an outage that outlasts its attempts, with one order",
  async () => {
    await using app = await openInOutage();
    const place = placing("k");
    const handler = withIdempotency(
      { idempotency: app.idempotency, scope: () => "u" },
      async (_request, context) => Response.json({ key: (await place(context)).key }, { status: 201 }),
    );
    // The defaults in small: an attempt is shorter than the outage, and there are enough of them.
    const fetch = idempotentFetch({
      attemptMs: 500,
      attemptsMax: 200,
      fetch: (url, init) => Promise.race([handler(new Request(url, init)), aborted(init?.signal)]),
    });
    const answer = fetch("http://localhost/orders", { method: "POST" });
    await app.missed(3);
    app.comeBack();
    expect((await answer).status).toBe(201);
    expect([place.runs, await app.db.countOrders()]).toEqual([1, 2]);
  },
);
