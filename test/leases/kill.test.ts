import { describe, expect, test } from "vitest";
import { openService, type Service } from "../../examples/payments/service.ts";
import { createCompleter } from "../../src/core/lease/completer.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { isInTransaction, LEASE_POINTS, type LeasePoint } from "../support/lease-points.ts";
import { comparedWith, type LeasedShop, lapse, openLeasedShop } from "../support/leased-shop.ts";
import { startLeasedShop } from "../support/leased-worker.ts";
import { scaled } from "../support/scale.ts";

/** Time enough for a busy machine; leases are ended by hand. */
const run = { waitMs: 120_000, leaseMs: 120_000, transaction: { timeoutMs: 120_000 } };

/** A run for each point, all in one process, which is killed when each has come to its point. */
async function killAt(points: readonly LeasePoint[], database: TestDatabase, service: Service) {
  const target = { provider: database.provider, url: database.url };
  const options = { by: "victim", target, service: service.url, run, client: { max: 30 } };
  await using victim = await startLeasedShop(options);
  for (const point of points) victim.send({ type: "place", key: point, stopAt: point });
  const failed = victim
    .waitFor("failed")
    .then(({ key, failure }) => Promise.reject(Error(`${key}: ${failure}`)));
  const reached = await Promise.race([Promise.all(points.map(() => victim.waitFor("at"))), failed]);
  expect(reached.map(({ point }) => point).sort()).toEqual([...points].sort());
  failed.catch(() => {});
  await victim.kill();
  await lapse(database);
}

/** SQLite has one transaction at a time, so that of the runs in one process at most one can be stopped in one. */
function batchesOf({ provider }: TestDatabase): LeasePoint[][] {
  if (provider !== "sqlite") return [[...LEASE_POINTS]];
  const inside = LEASE_POINTS.filter(isInTransaction);
  return [
    LEASE_POINTS.filter((point) => !isInTransaction(point)),
    ...scaled({ short: inside.slice(-1), long: inside }).map((point) => [point]),
  ];
}

async function complete({ idempotency, handlers }: LeasedShop, database: TestDatabase): Promise<void> {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const completer = createCompleter({ idempotency, handlers, pollMs: 20, onError });
  completer.start();
  const left = () => database.query("SELECT key FROM idempotency_record WHERE status = 'in_progress'");
  await expect.poll(left).toEqual([]);
  expect(await completer.stop()).toBe(true);
  expect(errors).toEqual([]);
}

describe.each(databases)("a leased run killed on $name at every point", ({ open }) => {
  test("there are 26 of them, 8 in a transaction", () => {
    expect([LEASE_POINTS.length, LEASE_POINTS.filter(isInTransaction).length]).toEqual([26, 8]);
  });

  test("and retried by the client has each effect once, one answer, and the same one for ever", async () => {
    await using database = await open();
    await using service = await openService();
    for (const points of batchesOf(database)) {
      await killAt(points, database, service);
      const heir = openLeasedShop({ prisma: database.prisma, by: "heir", service: service.url, run });
      const answers = await Promise.all(points.map((point) => heir.place(point)));
      for (const { key, by, replayed } of answers) {
        const isStored = key === "after the result is stored";
        expect([key, by, replayed]).toEqual([key, isStored ? "victim" : "heir", isStored]);
      }
      const again = await Promise.all(points.map((point) => heir.place(point)));
      expect(again).toEqual(answers.map((answer) => ({ ...answer, replayed: true })));
    }
    const all = openLeasedShop({ prisma: await database.connect(), by: "later", service: service.url });
    const finals = await Promise.all(
      batchesOf(database)
        .flat()
        .map((point) => all.place(point)),
    );
    const { found, expected } = await comparedWith(database, service, finals);
    expect(found).toEqual(expected);
  });

  test("and brought to its end by a completer has each effect once, and its client gets a replay", async () => {
    await using database = await open();
    await using service = await openService();
    for (const points of batchesOf(database)) {
      await killAt(points, database, service);
      const heir = openLeasedShop({ prisma: database.prisma, by: "heir", service: service.url, run });
      await complete(heir, database);
    }
    const client = openLeasedShop({ prisma: await database.connect(), by: "client", service: service.url });
    const answers = await Promise.all(
      batchesOf(database)
        .flat()
        .map((point) => client.place(point)),
    );
    for (const { key, by, replayed } of answers) {
      const isUnknown = key === "before the claim";
      const author = isUnknown ? "client" : key === "after the result is stored" ? "victim" : "heir";
      expect([key, by, replayed]).toEqual([key, author, !isUnknown]);
    }
    expect(
      await Promise.all(
        batchesOf(database)
          .flat()
          .map((point) => client.place(point)),
      ),
    ).toEqual(answers.map((answer) => ({ ...answer, replayed: true })));
    const { found, expected } = await comparedWith(database, service, answers);
    expect(found).toEqual(expected);
  });
});
