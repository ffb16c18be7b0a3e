/** Every class of fault at each statement of ours, as it arrives at the clients of each adapter. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idempotencyOver } from "../../src/core/create.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import type { Tx } from "../support/shop.ts";
import { ADAPTERS, type Adapter, type Arrived, type Mode } from "./adapters.ts";
import { BEFORE, DRIVER_WORDS, FAULTS, type Fault, failingAt, type Statement } from "./failing-store.ts";

const RETRYABLE = ["IN_PROGRESS", "STORE_UNAVAILABLE"];
const PASSING = ["write_conflict", "lock_timeout", "unavailable"] as const;
const PERMANENT = ["misconfigured", "unknown"] as const;

type Case = [statement: Statement, fault: Fault, code: string];

const casesOf = (statement: Statement, faults: readonly Fault[], code: string): Case[] =>
  faults.map((fault) => [statement, fault, code]);
const before = (statement: Statement): Case[] => FAULTS.map((fault) => [statement, fault, BEFORE[fault]]);

/** Without those that a leased run repeats until they have passed. */
const CASES: Record<Mode, readonly Case[]> = {
  transaction: [
    ...before("transaction"),
    ...before("claim"),
    ...casesOf("complete", PASSING, "STORE_UNAVAILABLE"),
    ...casesOf("complete", PERMANENT, "STORE_MISCONFIGURED"),
    ["complete", "transaction_aborted", "RESULT_UNSTORABLE"],
    ["COMMIT", "unavailable", "STORE_UNAVAILABLE"],
  ],
  lease: [
    ...before("claim"),
    ...casesOf("complete", PERMANENT, "STORE_MISCONFIGURED"),
    ...casesOf("recordStep", PERMANENT, "STORE_MISCONFIGURED"),
    ...casesOf("renew", PERMANENT, "STORE_MISCONFIGURED"),
    ...casesOf("transaction", ["lock_timeout", "unavailable", "transaction_expired"], "STORE_UNAVAILABLE"),
    ...casesOf("transaction", PERMANENT, "STORE_MISCONFIGURED"),
    ["COMMIT", "unavailable", "STORE_UNAVAILABLE"],
  ],
};

const named = ADAPTERS.map((adapter) => ({ adapter, name: adapter.name }));
/** A message has no answer, and always an id. */
const answering = named.filter(({ name }) => name !== "messages");

/** What may be told of the faults that the store meets, and nothing but that. */
function expectArrival(arrived: Arrived, { codes }: Adapter, code: string, outcome: string | null): void {
  const { text, ...told } = arrived;
  const [status, name] = codes[code] ?? [];
  const retryAfter = RETRYABLE.includes(code) ? "1" : null;
  expect(told).toEqual({ status, code: name, outcome, retryAfter });
  expect(text).not.toMatch(new RegExp(`${DRIVER_WORDS}|StoreError|P\\d{4}`));
}

describe.each(databases)("a fault of a statement of ours on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const failing = (statement: Statement, fault: Fault) =>
    idempotencyOver<Tx>(failingAt(createPrismaStore({ prisma: db.prisma }), statement, fault), {
      storeError: (error) => (error as Error).message === "sold out",
      waitMs: 0,
      outageMs: 0,
    });

  describe.each(named)("through $name", ({ adapter }) => {
    describe.each(adapter.modes)("in mode %s", (mode) => {
      test.each(CASES[mode])("%s: %s arrives as %s", async (statement, fault, code) => {
        const key = randomUUID();
        expectArrival(
          await adapter.send(failing(statement, fault), { key, mode }),
          adapter,
          code,
          "released",
        );
        const isStepKept = mode === "lease" && statement === "complete";
        expect(await db.countOrders({ key })).toBe(isStepKept ? 1 : 0);
      });
    });
  });

  describe.each(answering)("through $name", ({ adapter }) => {
    test.each(FAULTS)(
      "undoing the writes of a failed handler: %s leaves the handler's answer, unstored, unless the database is away",
      async (fault) => {
        const key = randomUUID();
        const work = { key, mode: "transaction" as const, isSoldOut: true };
        const arrived = await adapter.send(failing("undo", fault), work);
        if (fault === "unavailable") {
          expectArrival(arrived, adapter, "STORE_UNAVAILABLE", "released");
        } else {
          const { status, code, outcome, text } = arrived;
          expect([status, code, outcome]).toEqual([...adapter.soldOut, "released"]);
          expect(text).not.toContain(DRIVER_WORDS);
        }
        expect(await db.countOrders({ key })).toBe(0);
      },
    );

    test.each(FAULTS)("a request without a key, at its BEGIN: %s", async (fault) => {
      const code = BEFORE[fault] === "IN_PROGRESS" ? "STORE_UNAVAILABLE" : BEFORE[fault];
      const work = { key: undefined, mode: "transaction" as const };
      const arrived = await adapter.send(failing("transaction", fault), work);
      expectArrival(arrived, adapter, code, null);
      expect(await db.countOrders({ key: "none" })).toBe(0);
    });
  });
});

describe.runIf(onPostgres).each(named)("a connection lost in the handler, through $name", ({ adapter }) => {
  test.each(adapter.modes)(
    "in mode %s arrives as STORE_UNAVAILABLE, and the retry executes",
    async (mode) => {
      await using db = await openPostgres();
      const idempotency = idempotencyOver<Tx>(createPrismaStore({ prisma: db.prisma }));
      const work = { key: randomUUID(), mode };
      const cut = await adapter.send(idempotency, { ...work, isCut: true });
      expectArrival(cut, adapter, "STORE_UNAVAILABLE", "released");
      expect(await db.countOrders()).toBe(0);
      expect((await adapter.send(idempotency, work)).code).toBeUndefined();
      expect(await db.countOrders()).toBe(1);
    },
  );
});
