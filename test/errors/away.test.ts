/** A database that is away before the handler runs. Real outages: `test/chaos/outage.test.ts`. */
import { describe, expect, test, vi } from "vitest";
import type { Store } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { failureOf, placing, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { over } from "./over.ts";

/** Runs over a store that can be taken away, and counts what it is asked meanwhile. */
function openAway(db: TestDatabase, outageMs: number) {
  const store: Store<Tx> = createPrismaStore({ prisma: db.prisma }) as Store<Tx>;
  const state = { isAway: false, asked: 0 };
  const transaction: Store<Tx>["transaction"] = async (opening, body) => {
    if (!state.isAway) return store.transaction(opening, body);
    state.asked += 1;
    throw new StoreError("unavailable", "words of a store", new Error("away"));
  };
  return { state, idempotency: idempotencyOver<Tx>(over(store, { transaction }), { outageMs }) };
}

describe.each(databases)("a database that is away on $name", ({ open }) => {
  test("and was never there is not waited for", async () => {
    await using db = await open();
    const { state, idempotency } = openAway(db, 60_000);
    state.isAway = true;
    expect((await failureOf(idempotency.run(request("k"), placing("k")))).code).toBe("STORE_UNAVAILABLE");
    expect(state.asked).toBe(1);
  });

  test("for outageMs is asked less and less often", async () => {
    await using db = await open();
    const { state, idempotency } = openAway(db, 1_000);
    await idempotency.run(request("before"), async () => 1);
    state.isAway = true;
    vi.spyOn(Math, "random").mockReturnValue(0.99);
    const error = await failureOf(idempotency.run(request("k"), placing("k")));
    vi.restoreAllMocks();
    expect(error.code).toBe("STORE_UNAVAILABLE");
    expect(state.asked).toBeGreaterThan(1);
    // Pauses that double from 25 ms on: six of them are longer than that.
    expect(state.asked).toBeLessThanOrEqual(7);
  });

  test("and comes back executes the run that waits", async () => {
    await using db = await open();
    const { state, idempotency } = openAway(db, 60_000);
    await idempotency.run(request("before"), async () => 1);
    state.isAway = true;
    const place = placing("k");
    const run = idempotency.run(request("k"), place);
    await vi.waitUntil(() => state.asked > 1, { timeout: 60_000 });
    expect(place.runs).toBe(0);
    state.isAway = false;
    expect((await run).replayed).toBe(false);
    expect([place.runs, await db.countOrders()]).toEqual([1, 1]);
  });
});
