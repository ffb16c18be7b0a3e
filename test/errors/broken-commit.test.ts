/** A COMMIT whose answer is lost, over a real database. Lost connections: `test/chaos/lost-connections.test.ts`. */
import { describe, expect, test, vi } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { Store, StoreFault } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/dialect/store-error.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { over } from "./over.ts";

interface Loss {
  /** Whether the database has committed what it does not answer. */
  readonly isCommitted: boolean;
  readonly fault?: StoreFault;
  /** What happens before the database is asked what became of it. */
  readonly before?: () => Promise<unknown>;
  /** How many questions are not answered either. */
  readonly unanswered?: number;
  readonly conflictsAtCommit?: boolean;
  /** How many COMMITs are lost: one. */
  readonly commits?: number;
  /** Called for each transaction. */
  readonly begun?: () => void;
}

/** `store`, whose first COMMITs are not answered. */
function losing<T>(store: Store<T>, { isCommitted, fault = "unavailable", ...loss }: Loss): Store<T> {
  const lost = new StoreError(fault, "words of a store", new Error("lost"));
  let transactions = 0;
  const transaction: Store<T>["transaction"] = async (opening, body) => {
    transactions += 1;
    loss.begun?.();
    if (transactions <= (loss.commits ?? 1)) {
      await store
        .transaction(opening, async (session) => {
          const ending = await body(session);
          if (!isCommitted) throw lost;
          return ending;
        })
        .catch(() => {});
      throw lost;
    }
    if (transactions <= 1 + (loss.unanswered ?? 0)) throw lost;
    if (transactions === 2) await loss.before?.();
    return store.transaction(opening, body);
  };
  const { conflictsAtCommit } = loss;
  return over(store, { transaction, ...(conflictsAtCommit !== undefined && { conflictsAtCommit }) });
}

const losingAt = (db: TestDatabase, loss: Loss, options: RunOptions = {}) =>
  idempotencyOver<Tx>(losing(createPrismaStore({ prisma: db.prisma }), loss), options);

describe.each(databases)("a COMMIT that is not answered on $name", ({ open }) => {
  test.each([0, 3])("and was done is a success, after %s questions without an answer", async (unanswered) => {
    await using db = await open();
    const place = placing("k");
    const { replayed, value } = await losingAt(db, { isCommitted: true, unanswered }).run(
      request("k"),
      place,
    );
    expect([replayed, value.key, place.runs, await db.countOrders()]).toEqual([false, "k", 1, 1]);
  });

  test.each(["unavailable", "transaction_expired"] as const)(
    "and was not done (%s) is STORE_UNAVAILABLE, and the question leaves nothing",
    async (fault) => {
      await using db = await open();
      const idempotency = losingAt(db, { isCommitted: false, fault });
      const place = placing("k");
      expect((await failureOf(idempotency.run(request("k"), place))).code).toBe("STORE_UNAVAILABLE");
      expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
      expect((await idempotency.run(request("k"), place)).replayed).toBe(false);
      expect([place.runs, await db.countOrders()]).toEqual([2, 1]);
    },
  );

  test("and was not done for a reason that the database names fails with that", async () => {
    await using db = await open();
    const run = losingAt(db, { isCommitted: false, fault: "misconfigured" }).run(request("k"), placing("k"));
    await expect(run).rejects.toMatchObject({ name: "StoreError", fault: "misconfigured" });
  });

  test("and was a write conflict is executed again, as often as the options say", async () => {
    await using db = await open();
    const conflict = { isCommitted: false, fault: "write_conflict" } as const;
    const place = placing("k");
    await expect(losingAt(db, conflict).run(request("k"), place)).rejects.toThrow("words of a store");
    await losingAt(db, conflict, { retryConflicts: 1 }).run(request("k"), place);
    expect([place.runs, await db.countOrders()]).toEqual([3, 1]);
  });

  test("and only lost to another is executed again without a question, where COMMIT tells that", async () => {
    await using db = await open();
    let transactions = 0;
    const begun = () => {
      transactions += 1;
    };
    const loss = { isCommitted: false, fault: "write_conflict", conflictsAtCommit: true, begun } as const;
    const place = placing("k");
    await losingAt(db, loss).run(request("k"), place);
    expect([place.runs, transactions, await db.countOrders()]).toEqual([2, 2, 1]);
  });

  test("and loses to others all the time is executed as often as the options say", async () => {
    await using db = await open();
    const lost = { isCommitted: false, fault: "write_conflict", conflictsAtCommit: true } as const;
    const losingAll = losingAt(db, { ...lost, commits: Infinity }, { retryConflicts: 2 });
    const place = placing("k");
    await expect(losingAll.run(request("k"), place)).rejects.toThrow("words of a store");
    expect([place.runs, await db.countOrders()]).toEqual([3, 0]);
  });

  test("nor its questions, for outageMs, is STORE_UNAVAILABLE; a retry is given the answer", async () => {
    await using db = await open();
    const lost = losingAt(db, { isCommitted: true, unanswered: Infinity }, { outageMs: 100 });
    const asked = performance.now();
    expect((await failureOf(lost.run(request("k"), placing("k")))).code).toBe("STORE_UNAVAILABLE");
    expect(performance.now() - asked).toBeGreaterThan(100);
    const never = placing("k");
    expect((await idempotencyOf(db.prisma).run(request("k"), never)).replayed).toBe(true);
    expect([never.runs, await db.countOrders()]).toEqual([0, 1]);
  });

  test("is asked about less and less often", async () => {
    await using db = await open();
    vi.spyOn(Math, "random").mockReturnValue(0.99);
    let transactions = 0;
    const begun = () => {
      transactions += 1;
    };
    const loss = { isCommitted: true, unanswered: Infinity, begun };
    const run = losingAt(db, loss, { outageMs: 500 }).run(request("k"), async () => 1);
    expect((await failureOf(run).finally(() => vi.restoreAllMocks())).code).toBe("STORE_UNAVAILABLE");
    // The first pauses of 25, 50, 100, 200 and 400 ms are longer than that.
    expect(transactions - 1).toBeLessThanOrEqual(6);
  });

  test("and whose run another has executed meanwhile is given the answer of that one", async () => {
    await using db = await open();
    const before = () => idempotencyOf(db.prisma).run(request("k"), async () => "of the other");
    const run = losingAt(db, { isCommitted: false, before }).run(request("k"), async () => "own");
    expect(await run).toEqual({ value: "of the other", replayed: true });
  });

  test("is nothing to a replay, which is repeated", async () => {
    await using db = await open();
    await idempotencyOf(db.prisma).run(request("k"), async () => "stored");
    const run = losingAt(db, { isCommitted: false }).run(request("k"), async () => "never");
    expect(await run).toEqual({ value: "stored", replayed: true });
  });

  test("leaves a tombstone that lapses where a claim waits for nobody", async () => {
    await using db = await open();
    const idempotency = losingAt(db, { isCommitted: false, conflictsAtCommit: true });
    expect((await failureOf(idempotency.run(request("k"), placing("k")))).code).toBe("STORE_UNAVAILABLE");
    expect(await records(db)).toMatchObject([{ key: "k", response: null }]);
    expect((await idempotency.run(request("k"), async () => "again")).value).toBe("again");
  });

  test("a call without a key is told of it", async () => {
    await using db = await open();
    const place = placing("k");
    await expect(losingAt(db, { isCommitted: true }).runUnkeyed(place)).rejects.toThrow("words of a store");
    expect(await db.countOrders()).toBe(1);
  });
});
