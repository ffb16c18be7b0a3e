/** A connection on which nothing answers any more, and which nobody ends: what a machine leaves that is switched off. */
import { expect, it } from "vitest";
import { openPostgres } from "../../support/database.ts";
import { idempotencyOf, placing, request } from "../../support/runs.ts";
import { openProxy } from "../../support/tcp-proxy.ts";

it("a leased run whose claim is not answered asks on another connection", async () => {
  await using db = await openPostgres();
  await using proxy = await openProxy(db.url);
  const idempotency = idempotencyOf(await db.connect({ url: proxy.url, max: 2 }));
  await idempotency.runLeased(request("before"), async () => 1);
  const claim = proxy.intercept(/^WITH bound AS/, "before");
  const place = placing("k");
  const run = idempotency.runLeased(request("k"), ({ transaction }) => transaction("order", place));
  await claim.reached;
  expect(await run).toMatchObject({ replayed: false });
  expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
});
