import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { openProxy } from "../support/tcp-proxy.ts";

const COMPLETE = /SET .*completed_at/s;
const RENEW = /SET "?locked_until"? = .*interval/;

describe.runIf(onPostgres)("the end of a leased run", () => {
  test("is no loss of the lease to a heartbeat that comes after it", async () => {
    await using db = await openPostgres();
    await using proxy = await openProxy(db.url);
    const prisma = await db.connect({ url: proxy.url });
    const idempotency = createIdempotency({ prisma, leaseMs: 6_000 });
    const complete = proxy.intercept(COMPLETE, "answered");
    let signal: AbortSignal | undefined;
    const run = idempotency.runLeased({ operation: "pay", key: "k", scope: "u" }, async (context) => {
      ({ signal } = context);
      return "paid";
    });
    await complete.reached;
    const { roundTrips } = proxy;
    const isRenewed = () =>
      proxy.roundTrips > roundTrips && proxy.statements.some((sent) => RENEW.test(sent));
    await expect.poll(isRenewed, { interval: 20 }).toBe(true);
    // Its answer has passed the proxy; here it is heard a turn later.
    await new Promise((resolve) => setTimeout(resolve, 50));
    complete.release();
    expect(await run).toEqual({ value: "paid", replayed: false });
    expect(signal?.aborted).toBe(false);
  });
});
