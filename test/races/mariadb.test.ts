/** Stampedes on MariaDB, where waiters meet deadlocks when the execution that they wait for is rolled back. */
import { describe, expect, it } from "vitest";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import type { ClientOptions, TestClient } from "../support/clients.ts";
import { onMariadb, openMariadb } from "../support/database.ts";
import { expire, idempotencyOf, orderOf, request } from "../support/runs.ts";
import { times } from "../support/scale.ts";

type Tx = Pick<TestClient, "order">;

const CALLERS = 8;
const ROUNDS = times({ short: 10, long: 100 });

/** Callers that do not know of each other, as in as many processes. */
async function open(options: ClientOptions, isolationLevel: string | undefined) {
  const db = await openMariadb(options);
  const clients = await Promise.all(
    Array.from({ length: CALLERS }, () => db.connect({ ...options, max: 2 })),
  );
  const run = { waitMs: 120_000, transaction: isolationLevel === undefined ? {} : { isolationLevel } };
  return { db, callers: clients.map((client) => idempotencyOf(client, run)), clients };
}

class Undo extends Error {}

describe.runIf(onMariadb).each([
  ["as the server comes", undefined, {}],
  ["READ COMMITTED, foundRows: false", "ReadCommitted", { pool: { foundRows: false } }],
] as [string, string | undefined, ClientOptions][])(
  "eight callers of one key at once, %s",
  (_, level, options) => {
    it("execute once, though the first two executions are rolled back", async () => {
      const { db, callers } = await open(options, level);
      await using _db = db;
      for (let round = 0; round < ROUNDS; round += 1) {
        const key = `k${round}`;
        let begun = 0;
        const handler = async ({ tx }: { tx: Tx }) => {
          const mine = (begun += 1);
          const { id } = await tx.order.create({ data: orderOf(key) });
          if (mine <= 2) throw new Undo();
          return id;
        };
        const ends = await Promise.allSettled(
          callers.map((idempotency) => idempotency.run(request(key), handler)),
        );
        const failures = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
        expect(failures).toEqual([expect.any(Undo), expect.any(Undo)]);
        const values = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
        expect(new Set(values.map(({ value }) => value)).size).toBe(1);
        expect(values.filter(({ replayed }) => !replayed)).toHaveLength(1);
        expect([begun, await db.countOrders({ key })]).toEqual([3, 1]);
      }
    });

    it("take an expired record over once", async () => {
      const { db, callers } = await open(options, level);
      await using _db = db;
      for (let round = 0; round < ROUNDS; round += 1) {
        const key = `k${round}`;
        await callers[0]?.run(request(key), async () => "old");
        await expire(db, key);
        const handler = async ({ tx }: { tx: Tx }) => (await tx.order.create({ data: orderOf(key) })).id;
        const answers = await Promise.all(
          callers.map((idempotency) => idempotency.run(request(key), handler)),
        );
        expect(new Set(answers.map(({ value }) => value)).size).toBe(1);
        expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
        expect(await db.countOrders({ key })).toBe(1);
      }
    });

    it("claim each of 60 abandoned runs once, as completers", async () => {
      const { db, clients } = await open(options, level);
      await using _db = db;
      const stores = clients.map((client) => createPrismaStore({ prisma: client }).leases);
      for (let n = 0; n < 60; n += 1) {
        await stores[0]?.claim({
          id: `r${n}`,
          scope: "s",
          operation: "o",
          key: "k",
          fingerprint: "f",
          owner: "gone",
          lockWaitMs: 1_000,
          retentionMs: 600_000,
          leaseMs: 60_000,
          input: "i",
        });
      }
      await db.query("UPDATE idempotency_record SET locked_until = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
      const claimed = await Promise.all(
        stores.map(async (leases, caller) => {
          const mine: string[] = [];
          for (;;) {
            const found = await leases.claimAbandoned({
              operations: ["o", "other"],
              owner: `c${caller}`,
              leaseMs: 600_000,
              retentionMs: 600_000,
            });
            if (found === undefined) return mine;
            expect(found).toMatchObject({ attempt: 2, input: "i", operation: "o" });
            mine.push(found.id);
          }
        }),
      );
      expect(claimed.flat().toSorted()).toEqual(Array.from({ length: 60 }, (__, n) => `r${n}`).toSorted());
    });

    it("claim while others prune: what is expired goes, what is claimed stays", async () => {
      const { db, callers } = await open(options, level);
      await using _db = db;
      await Promise.all(callers.map((idempotency, n) => idempotency.run(request(`old${n}`), async () => n)));
      await expire(db, "old%");
      const [first, second, ...others] = callers;
      const [a, b] = await Promise.all([
        first?.prune({ batchSize: 2 }),
        second?.prune({ batchSize: 3 }),
        ...others.map((idempotency, n) => idempotency.run(request(`old${n}`), async () => "new")),
        ...others.map((idempotency, n) => idempotency.run(request(`new${n}`), async () => "new")),
      ]);
      expect(Number(a) + Number(b)).toBeLessThanOrEqual(CALLERS);
      for (const [n, idempotency] of others.entries()) {
        expect(await idempotency.run(request(`old${n}`), async () => "again")).toEqual({
          value: "new",
          replayed: true,
        });
      }
      await first?.prune();
      expect(await db.query("SELECT count(*) AS n FROM idempotency_record")).toEqual([
        { n: 2 * others.length },
      ]);
    });
  },
);
