/** What the database has done to a handler that failed, over a real one. By itself: `test/chaos/lost-in-handler.test.ts`. */
import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { Store, StoreSession } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, records, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { over } from "./over.ts";

const storeOf = (db: TestDatabase): Store<Tx> => createPrismaStore({ prisma: db.prisma }) as Store<Tx>;

/** A run over a store whose sessions say so. */
function saying(
  db: TestDatabase,
  said: Partial<StoreSession<Tx>>,
  { conflictsAtCommit = false, ...options }: RunOptions & { conflictsAtCommit?: boolean } = {},
) {
  const store = storeOf(db);
  const transaction: Store<Tx>["transaction"] = (opening, body) =>
    store.transaction(opening, (session) => body(over(session, said)));
  return idempotencyOver<Tx>(over(store, { transaction, conflictsAtCommit }), options);
}

const soldOut = new Error("sold out");

/** A handler that fails as often, and then does not. */
function failing(times: number) {
  const handler = async () => {
    handler.runs += 1;
    if (handler.runs <= times) throw soldOut;
    return "sold";
  };
  handler.runs = 0;
  return handler;
}

describe.each(databases)("a handler that failed on $name", ({ open }) => {
  test("under a database that went away is STORE_UNAVAILABLE, and not its own error", async () => {
    await using db = await open();
    const faultUnder = async () => ({ fault: "unavailable", error: new Error("gone") }) as const;
    const run = saying(db, { faultUnder }).run(request("k"), failing(1));
    expect(await failureOf(run)).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringContaining("orders.place"),
      cause: { message: "gone" },
    });
    expect(await records(db)).toEqual([]);
  });

  const whyVanished = async () => new StoreError("write_conflict", "words of a store", new Error("lost"));

  test("as its writes had vanished is executed again, as often as the options say", async () => {
    await using db = await open();
    const vanishing = { conflictsAtCommit: true };
    const handler = failing(1);
    const { value } = await saying(db, { whyVanished }, { ...vanishing, retryConflicts: 1 }).run(
      request("a"),
      handler,
    );
    expect([value, handler.runs]).toEqual(["sold", 2]);
    const run = saying(db, { whyVanished }, { ...vanishing, retryConflicts: 0 }).run(
      request("b"),
      failing(1),
    );
    await expect(run).rejects.toThrow("words of a store");
    expect((await records(db)).map(({ key }) => key)).toEqual(["a"]);
  });

  test("by itself has failed, whatever the database says where nothing vanishes", async () => {
    await using db = await open();
    await expect(saying(db, { whyVanished }).run(request("a"), failing(1))).rejects.toBe(soldOut);
    const nothing = saying(db, { whyVanished: async () => undefined }, { conflictsAtCommit: true });
    await expect(nothing.run(request("b"), failing(1))).rejects.toBe(soldOut);
  });
});

describe.each(databases)("what a claim asks of $name", ({ open }) => {
  test.each([
    ["wait", 600_000, 1_000, 1_000],
    ["wait", 900, 50, 900],
    ["wait", 0, 50, 50],
    ["reject", 600_000, 50, 50],
  ] as const)("%s for %s ms is to wait %s to %s ms for a lock", async (onDuplicate, waitMs, least, most) => {
    await using db = await open();
    const store = storeOf(db);
    const waits: number[] = [];
    const transaction: Store<Tx>["transaction"] = (opening, body) => {
      waits.push(opening.limits.lockWaitMs, opening.claim?.lockWaitMs ?? 0);
      return store.transaction(opening, body);
    };
    await idempotencyOver<Tx>(over(store, { transaction }), { onDuplicate, waitMs }).run(
      request("k"),
      async () => 1,
    );
    expect(waits).toHaveLength(2);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...waits)).toBeLessThanOrEqual(most);
  });

  test("is what a retry needs whose read of the record failed", async () => {
    await using db = await open();
    await idempotencyOf(db.prisma).run(request("k"), async () => "stored");
    const replayable = () => Promise.reject(new Error("gone"));
    const run = idempotencyOver<Tx>(over(storeOf(db), { replayable })).run(
      request("k", { isRetry: true }),
      async () => "never",
    );
    expect(await run).toEqual({ value: "stored", replayed: true });
  });
});
