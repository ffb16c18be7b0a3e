import { describe, expect, test } from "vitest";
import { type IdempotencyErrorCode, isIdempotencyError } from "../../src/core/contract/errors.ts";
import type { LeaseStore, Store, StoreFault, StoreSession } from "../../src/core/contract/store.ts";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { StoreError } from "../../src/sql/store-error.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { placing, records, request } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

type Statement = keyof StoreSession<never> | keyof LeaseStore | "transaction";
type Fault = StoreFault | "unknown";

/** Every class of fault, and what it is when it meets a statement of ours before the handler. */
const BEFORE: Record<Fault, IdempotencyErrorCode> = {
  write_conflict: "STORE_UNAVAILABLE",
  lock_timeout: "IN_PROGRESS",
  transaction_aborted: "STORE_MISCONFIGURED",
  transaction_expired: "STORE_UNAVAILABLE",
  misconfigured: "STORE_MISCONFIGURED",
  unavailable: "STORE_UNAVAILABLE",
  unknown: "STORE_MISCONFIGURED",
};
const FAULTS = Object.keys(BEFORE) as Fault[];

const errorOf = (fault: Fault) =>
  fault === "unknown" ? new Error("words of a driver") : new StoreError(fault, "words of a store");

/** `store`, one of whose statements meets the fault, `times` times. */
function failingAt<T>(store: Store<T>, statement: Statement, fault: Fault, times: number): Store<T> {
  let left = times;
  const broken = <O extends object>(object: O): O =>
    new Proxy(object, {
      get(target, name) {
        if (name === statement && left > 0) {
          left -= 1;
          return async () => Promise.reject(errorOf(fault));
        }
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  return {
    transaction: (limits, body) =>
      statement === "transaction"
        ? Promise.reject(errorOf(fault))
        : store.transaction(limits, (session) => body(broken(session))),
    get leases() {
      return broken(store.leases);
    },
    timeoutMs: store.timeoutMs,
    runningHandler: () => store.runningHandler(),
    faultOf: (error) => store.faultOf(error),
    check: () => Promise.reject(errorOf(fault)),
    prune: () => Promise.reject(errorOf(fault)),
    replayable: (id) => store.replayable(id),
  };
}

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
    });

  describe.each(["transaction", "claim", "savepoint"] as const)("before the handler: %s", (statement) => {
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
    ["transaction_aborted", "RESULT_UNSTORABLE"],
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
    const run = failing(db, "rollbackToSavepoint", fault).run(request("k"), () =>
      Promise.reject(new Error("sold out")),
    );
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
});
