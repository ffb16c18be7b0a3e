import { describe, expect, test } from "vitest";
import { openService } from "../../examples/payments/service.ts";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { comparedWith, openLeasedShop } from "../support/leased-shop.ts";
import { Relay } from "../support/relay.ts";
import { renamed } from "../support/shop-worker.ts";
import { openProxy } from "../support/tcp-proxy.ts";

/** Longer than any test. */
const NEVER = 600_000;

/** app -> relay -> proxy -> PostgreSQL, and a second process that reaches PostgreSQL directly. */
async function openFragile(run: RunOptions = {}) {
  const database = await openPostgres();
  const service = await openService();
  const proxy = await openProxy(database.url);
  const relay = await Relay.open(() => Number(new URL(proxy.url).port));
  const prisma = await database.connect({
    url: renamed({ ...database, url: relay.urlOf(proxy.url) }, "fragile"),
  });
  return {
    database,
    service,
    proxy,
    relay,
    shop: openLeasedShop({ prisma, by: "fragile", service: service.url, run }),
    other: openLeasedShop({ prisma: database.prisma, by: "other", service: service.url, run }),
    async [Symbol.asyncDispose]() {
      proxy.silent = false;
      await relay[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

type Setup = Awaited<ReturnType<typeof openFragile>>;

/** The retry answers; each effect is there once; and the service was not even asked twice. */
async function expectOnce({ database, service, other }: Setup, outcome: unknown) {
  const answer = await other.place("k");
  const { found, expected } = await comparedWith(database, service, [answer]);
  expect(found).toEqual(expected);
  expect(service.requests).toBe(3);
  if (outcome !== undefined) expect(answer).toEqual({ ...(outcome as object), replayed: true });
}

const unavailable = { code: "STORE_UNAVAILABLE", retryable: true };
const settled = (placing: Promise<unknown>) =>
  placing.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );

const CLAIM = /^WITH bound/;
const RECORD = /^INSERT INTO \S*idempotency_step/;
const RESULT = /^UPDATE \S*idempotency_record"? SET "?status"? = \$3/;
const COMMIT = /^COMMIT/;

describe.runIf(onPostgres)("a leased run whose connection is lost", () => {
  test("in a COMMIT of which the database never heard: the retry makes the transaction, once", async () => {
    await using setup = await openFragile();
    setup.proxy.cutCommit("before");
    await expect(setup.shop.place("k")).rejects.toMatchObject(unavailable);
    expect(await setup.database.countOrders()).toBe(0);
    await expectOnce(setup, undefined);
  });

  test.each(["after", "answered"] as const)(
    "in a COMMIT that the database made (%s): the run goes on",
    async (when) => {
      await using setup = await openFragile();
      setup.proxy.cutCommit(when);
      const answer = await setup.shop.place("k");
      expect(answer).toMatchObject({ by: "fragile", replayed: false });
      await expectOnce(setup, answer);
    },
  );

  test.each(["arrives late", "never arrives"] as const)(
    "while a COMMIT is on its way, which %s: the run waits, and does what the database shows",
    async (end) => {
      await using setup = await openFragile();
      const hold = setup.proxy.intercept(COMMIT, "before");
      const placing = settled(setup.shop.place("k"));
      await hold.reached;
      setup.relay.cutClients();
      const [probe] = await setup.database.waitForBlockedBackend();
      expect(probe?.query).toMatch(/^UPDATE .*locked_until/);
      if (end === "arrives late") hold.release();
      else hold.cut();
      const { answer, error } = (await placing) as { answer?: unknown; error?: unknown };
      if (end === "arrives late") expect(answer).toMatchObject({ by: "fragile", replayed: false });
      else expect(error).toMatchObject(unavailable);
      await expectOnce(setup, answer);
    },
  );

  test("in a COMMIT about which nothing more is heard: LEASE_LOST as the lease ends, whatever may last longer; later once", async () => {
    await using setup = await openFragile({
      leaseMs: 2_000,
      waitMs: NEVER,
      transaction: { maxWaitMs: NEVER, timeoutMs: 2_000 },
    });
    const hold = setup.proxy.intercept(COMMIT, "before");
    const placing = settled(setup.shop.place("k"));
    await hold.reached;
    // To the database the connection is alive: its transaction keeps the lock, for which all others wait.
    setup.relay.cutClients();
    await setup.database.waitForBlockedBackend();
    expect(await placing).toMatchObject({ error: { code: "LEASE_LOST", retryable: true } });
    hold.release();
    await expectOnce(setup, undefined);
  });

  test.each(["before", "after", "answered"] as const)(
    "in the claim (%s): a retryable error, and the retry need not wait for a lease to run out",
    async (when) => {
      await using setup = await openFragile({ leaseMs: 3_600_000, waitMs: 10_000 });
      const claim = setup.proxy.intercept(CLAIM, when);
      claim.cut();
      await expect(setup.shop.place("k")).rejects.toMatchObject(unavailable);
      expect(setup.service.requests).toBe(0);
      await expectOnce(setup, undefined);
    },
  );

  test.each(["before", "after", "answered"] as const)(
    "in the record of a step (%s): it is recorded again, and its service is not asked again",
    async (when) => {
      await using setup = await openFragile();
      setup.proxy.intercept(RECORD, when).cut();
      const answer = await setup.shop.place("k");
      expect(answer).toMatchObject({ by: "fragile", replayed: false });
      await expectOnce(setup, answer);
    },
  );

  test.each(["before", "after", "answered"] as const)(
    "in the result (%s): it is stored again, or found to be stored",
    async (when) => {
      await using setup = await openFragile();
      setup.proxy.intercept(RESULT, when).cut();
      const answer = await setup.shop.place("k");
      expect(answer).toMatchObject({ by: "fragile", replayed: false });
      await expectOnce(setup, answer);
    },
  );

  test("in the record of a step, and for longer than its lease: LEASE_LOST, the next attempt asks with the same key", async () => {
    await using setup = await openFragile({
      leaseMs: 2_000,
      waitMs: NEVER,
      transaction: { maxWaitMs: NEVER, timeoutMs: 2_000 },
    });
    const hold = setup.proxy.intercept(RECORD, "before");
    const placing = settled(setup.shop.place("k"));
    await hold.reached;
    setup.proxy.refusing = true;
    setup.relay.cutClients();
    expect(await placing).toMatchObject({ error: { code: "LEASE_LOST" } });
    const answer = await setup.other.place("k");
    // What was held back arrives after all, from an owner that is none any more.
    hold.release();
    const { found, expected } = await comparedWith(setup.database, setup.service, [answer]);
    expect(found).toEqual(expected);
    expect(setup.service.requests).toBe(4);
  });
});
