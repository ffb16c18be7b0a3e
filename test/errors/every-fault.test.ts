import { describe, expect, test } from "vitest";
import { isIdempotencyError } from "../../src/core/contract/errors/errors.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { placing, records, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";
import { BEFORE, FAULTS, type Fault, failingAt, type Statement } from "./failing-store.ts";

async function endOf(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect((error as Error | undefined)?.name).not.toBe("StoreError");
  return isIdempotencyError(error) ? error.code : error;
}

describe.each(databases)("a statement of ours that fails on $name", ({ open }) => {
  const failing = (db: TestDatabase, statement: Statement, fault: Fault, times = Infinity) =>
    idempotencyOver<Tx>(failingAt(createPrismaStore({ prisma: db.prisma }), statement, fault, times), {
      storeError: (error) => (error as Error).message === "sold out",
      waitMs: 0,
      outageMs: 0,
    });

  describe.each(["transaction", "claim"] as const)("before the handler: %s", (statement) => {
    test.each(FAULTS)("%s", async (fault) => {
      await using db = await open();
      const place = placing("k");
      const run = failing(db, statement, fault).run(request("k"), place);
      expect([await endOf(run), place.runs]).toEqual([BEFORE[fault], 0]);
      expect(await records(db)).toEqual([]);
    });
  });

  test.each([
    ["write_conflict", "STORE_UNAVAILABLE"],
    ["lock_timeout", "STORE_UNAVAILABLE"],
    ["unavailable", "STORE_UNAVAILABLE"],
    ["misconfigured", "STORE_MISCONFIGURED"],
    ["unknown", "STORE_MISCONFIGURED"],
    ["transaction_aborted", "RESULT_UNSTORABLE"],
    ["transaction_expired", expect.objectContaining({ code: "P2028" })],
  ] as const)("when the result is stored: %s is %s, and nothing stays", async (fault, code) => {
    await using db = await open();
    const run = failing(db, "complete", fault).run(request("k"), placing("k"));
    expect([await endOf(run), await db.countOrders(), await records(db)]).toEqual([code, 0, []]);
  });

  test.each([
    ["unavailable", "STORE_UNAVAILABLE"],
    ["transaction_aborted", new Error("sold out")],
  ] as const)("when the handler's writes are undone: %s", async (fault, end) => {
    await using db = await open();
    const run = failing(db, "undo", fault).run(request("k"), () => Promise.reject(new Error("sold out")));
    expect([await endOf(run), await records(db)]).toEqual([end, []]);
  });

  describe("in a leased run", () => {
    test.each(FAULTS)("the claim: %s", async (fault) => {
      await using db = await open();
      const run = failing(db, "claim", fault).runLeased(request("k"), async () => "executed");
      expect(await endOf(run)).toBe(BEFORE[fault]);
    });

    describe.each(["recordStep", "complete"] as const)("what it records: %s", (statement) => {
      const take = (run: ReturnType<typeof failing>) =>
        run.runLeased(request("k"), ({ step }) => step("one", () => 1));

      test.each(["write_conflict", "lock_timeout", "unavailable"] as const)(
        "%s is repeated until it has passed",
        async (fault) => {
          await using db = await open();
          expect(await take(failing(db, statement, fault, 3))).toEqual({ value: 1, replayed: false });
        },
      );

      test.each(["misconfigured", "unknown"] as const)("%s is STORE_MISCONFIGURED", async (fault) => {
        await using db = await open();
        expect(await endOf(take(failing(db, statement, fault)))).toBe("STORE_MISCONFIGURED");
      });
    });

    test.each([
      ["transaction", "unavailable", "STORE_UNAVAILABLE"],
      ["transaction", "unknown", "STORE_MISCONFIGURED"],
      ["renew", "misconfigured", "STORE_MISCONFIGURED"],
      ["recordStep", "unavailable", "STORE_UNAVAILABLE"],
      ["recordStep", "misconfigured", "STORE_MISCONFIGURED"],
      ["recordStep", "unknown", "STORE_MISCONFIGURED"],
      ["recordStep", "transaction_aborted", "RESULT_UNSTORABLE"],
    ] as const)("a step in a transaction, at its %s: %s is %s", async (statement, fault, code) => {
      await using db = await open();
      const run = failing(db, statement, fault).runLeased(request("k"), ({ transaction }) =>
        transaction("one", async () => 1),
      );
      expect([await endOf(run), await db.countOrders()]).toEqual([code, 0]);
    });
  });

  test.each(FAULTS)("prune: %s", async (fault) => {
    await using db = await open();
    const code = BEFORE[fault];
    expect(await endOf(failing(db, "transaction", fault).prune())).toBe(
      code === "IN_PROGRESS" ? "STORE_UNAVAILABLE" : code,
    );
  });

  test.each(FAULTS)("list, stats and countByOperation: %s", async (fault) => {
    await using db = await open();
    const failed = failing(db, "transaction", fault);
    const code = BEFORE[fault] === "IN_PROGRESS" ? "STORE_UNAVAILABLE" : BEFORE[fault];
    const ends = await Promise.all(
      [failed.list(), failed.list({ scope: "u" }), failed.stats(), failed.countByOperation()].map(endOf),
    );
    expect(ends).toEqual([code, code, code, code]);
  });
});
