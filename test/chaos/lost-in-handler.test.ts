/** The connection is lost while the handler uses it, and the handler does with the error what handlers do. */
import { describe, expect, it } from "vitest";
import { withIdempotency } from "../../src/http/index.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { failureOf, idempotencyOf, orderOf, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const order = (tx: Tx, key = "k") => tx.order.create({ data: orderOf(key) });
const nested = (tx: Tx) => tx.$transaction((inner: Tx) => order(inner));
const ignore = () => {};
const throwAnother = () => {
  throw new Error("sold out");
};

const HANDLERS: readonly (readonly [string, (tx: Tx) => Promise<unknown>])[] = [
  ["lets it through", order],
  ["swallows it", (tx) => order(tx).catch(ignore)],
  ["goes on after it", (tx) => order(tx).catch(() => order(tx))],
  ["throws another error", (tx) => order(tx).catch(throwAnother)],
  ["returns it", async (tx) => Promise.allSettled([order(tx), order(tx)])],
  ["meets it in a nested transaction", nested],
  ["swallows it around a nested transaction", (tx) => nested(tx).catch(ignore)],
  ["goes on after a nested transaction", (tx) => nested(tx).catch(() => order(tx))],
  [
    "swallows it in a nested transaction, which fails with another error",
    (tx) => tx.$transaction((inner: Tx) => order(inner).catch(throwAnother)),
  ],
];

async function openFragile(how: "cut" | "terminated") {
  const db = await openPostgres();
  const proxy = await openProxy(db.url);
  const prisma = await db.connect({ url: proxy.url });
  return {
    db,
    prisma,
    idempotency: idempotencyOf(prisma),
    /** Resolves when it is lost, at the next order. */
    async loseIt() {
      const inserting = proxy.intercept(/INSERT INTO "public"."Order"/, "before");
      await inserting.reached;
      if (how === "cut") return inserting.cut();
      await db.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
      );
      inserting.release();
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

const retryable = { code: "STORE_UNAVAILABLE", retryable: true };

describe.runIf(onPostgres).each(["cut", "terminated"] as const)("a connection that is %s", (how) => {
  it.each(HANDLERS)("in a handler that %s: STORE_UNAVAILABLE, and nothing is left", async (_, handler) => {
    await using app = await openFragile(how);
    const lost = app.loseIt();
    const failure = await failureOf(app.idempotency.run(request("k"), ({ tx }) => handler(tx)));
    await lost;
    expect(failure).toMatchObject(retryable);
    expect(await app.db.countOrders()).toBe(0);
    const retry = await app.idempotency.run(request("k"), async ({ tx }) => order(tx));
    expect([retry.replayed, await app.db.countOrders()]).toEqual([false, 1]);
  });

  it("in a handler whose every error is its answer: STORE_UNAVAILABLE", async () => {
    await using app = await openFragile(how);
    const lost = app.loseIt();
    const run = app.idempotency.run(request("k", { storeError: () => true }), ({ tx }) =>
      order(tx).catch(throwAnother),
    );
    expect(await failureOf(run)).toMatchObject(retryable);
    await lost;
  });

  it("in a `transaction` of a leased run that makes another error of it: STORE_UNAVAILABLE", async () => {
    await using app = await openFragile(how);
    const lost = app.loseIt();
    const run = app.idempotency.runLeased(request("k"), ({ transaction }) =>
      transaction("order", ({ tx }) => order(tx).catch(throwAnother)),
    );
    expect(await failureOf(run)).toMatchObject(retryable);
    await lost;
  });

  it("in an HTTP handler that answers its errors with 500: the client is asked to retry", async () => {
    await using app = await openFragile(how);
    const lost = app.loseIt();
    const handler = withIdempotency({ idempotency: app.idempotency, scope: () => "u" }, (_request, { tx }) =>
      order(tx).then(
        () => new Response(null, { status: 201 }),
        () => new Response(null, { status: 500 }),
      ),
    );
    const post = () =>
      handler(new Request("http://a/orders", { method: "POST", headers: { "Idempotency-Key": '"k"' } }));
    expect((await post()).status).toBe(503);
    await lost;
    expect((await post()).status).toBe(201);
  });
});

it.runIf(onPostgres)(
  "a handler's error after a failed statement is its own while there is a connection",
  async () => {
    await using db = await openPostgres();
    const run = idempotencyOf(db.prisma).run(request("k"), ({ tx }) =>
      tx.$executeRaw`SELECT 1 / 0`.catch(throwAnother),
    );
    await expect(run).rejects.toThrow("sold out");
  },
);
