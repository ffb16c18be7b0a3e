import { describe, expect, test } from "vitest";
import { openService } from "../../examples/payments/service.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import type { LeasePoint } from "../support/lease-points.ts";
import { comparedWith, openLeasedShop } from "../support/leased-shop.ts";
import { type LeasedWorker, startLeasedShop } from "../support/leased-worker.ts";
import { scaled } from "../support/scale.ts";

/** A lease that a busy machine keeps up to the point where the process is stopped. */
const run = { leaseMs: 4_000, waitMs: 120_000, transaction: { timeoutMs: 4_000 } };

/** A process that is stopped while its run of key "k" stands at `point`. */
async function openStopped(database: TestDatabase, point: LeasePoint) {
  const service = await openService();
  const target = { provider: database.provider, url: database.url };
  const client = { serverOptions: "-c TimeZone=UTC -c idle_in_transaction_session_timeout=1500" };
  const data = { by: "stopped", target, service: service.url, run, client };
  const stopped = await startLeasedShop(data);
  const { failed } = await comeTo(point, stopped);
  process.kill(stopped.pid, "SIGSTOP");
  return {
    service,
    heir: openLeasedShop({
      prisma: database.prisma,
      by: "heir",
      service: service.url,
      run: { ...run, leaseMs: 60_000 },
    }),
    /** Lets it go on, and returns what became of its run and of its signal. */
    async resume() {
      process.kill(stopped.pid, "SIGCONT");
      stopped.send({ type: "go" });
      const [{ failure }, aborted] = await Promise.all([failed, stopped.waitFor("aborted")]);
      // Whatever the run still had to send is sent before this.
      stopped.send({ type: "place", key: "later" });
      const { answer: later } = await stopped.waitFor("answer");
      return { failure, aborted: aborted.failure, later };
    },
    async [Symbol.asyncDispose]() {
      await stopped.kill();
      await service[Symbol.asyncDispose]();
    },
  };
}

/** On a busy machine a run may outlast its transaction before it is there, and is tried anew. */
async function comeTo(point: LeasePoint, { send, waitFor }: LeasedWorker) {
  const there = waitFor("at");
  for (;;) {
    send({ type: "place", key: "k", stopAt: point });
    const failed = waitFor("failed");
    if ((await Promise.race([there, failed])).type === "at") return { failed };
  }
}

/** All that runs of the key "k" write. */
async function everything(database: TestDatabase): Promise<unknown> {
  return {
    records: await database.query("SELECT * FROM idempotency_record WHERE key = 'k'"),
    steps: await database.query(
      `SELECT * FROM idempotency_step WHERE record_id IN (SELECT id FROM idempotency_record WHERE key = 'k')
       ORDER BY name`,
    ),
    orders: await database.query(`SELECT * FROM "Order" WHERE key = 'k' ORDER BY id`),
  };
}

const outside = scaled<readonly LeasePoint[]>({
  short: ["after the call of charge", "before the result is stored"],
  long: [
    "before the call of charge",
    "after the call of charge",
    "before charge is recorded",
    "after COMMIT of order",
    "before the result is stored",
  ],
});

/** Has the heir take over, and the stopped process go on: it changes nothing any more. The answer is the heir's. */
async function takenOver(database: TestDatabase, setup: Awaited<ReturnType<typeof openStopped>>) {
  const answer = await setup.heir.place("k");
  const before = await everything(database);
  const { later, ...end } = await setup.resume();
  expect(end).toEqual({ failure: "LEASE_LOST", aborted: "LEASE_LOST" });
  expect(await everything(database)).toEqual(before);
  const { found, expected } = await comparedWith(database, setup.service, [answer, later]);
  expect(found).toEqual(expected);
  return answer;
}

describe.each(databases)("a process stopped past its lease on $name, and taken over", ({ name, open }) => {
  test.each(outside)("%s: goes on in vain, with LEASE_LOST and an aborted signal", async (point) => {
    await using database = await open();
    await using setup = await openStopped(database, point);
    const answer = await takenOver(database, setup);
    expect(answer).toMatchObject({ by: "heir", replayed: false });
    expect(await setup.heir.place("k")).toEqual({ ...answer, replayed: true });
  });

  test("inside a transaction, which keeps others out: one of them comes to the end, once", async () => {
    await using database = await open();
    await using service = await openService();
    const target = { provider: database.provider, url: database.url };
    const data = { by: "stopped", target, service: service.url, run: { ...run, leaseMs: 60_000 } };
    await using stopped = await startLeasedShop(data);
    stopped.send({ type: "place", key: "k", stopAt: "after the writes of order" });
    await stopped.waitFor("at");
    process.kill(stopped.pid, "SIGSTOP");
    const brief = { ...run, waitMs: 300 };
    const heir = openLeasedShop({ prisma: database.prisma, by: "heir", service: service.url, run: brief });
    await expect(heir.place("k")).rejects.toMatchObject({
      // SQLite cannot tell whose lock it is.
      code: name === "sqlite" ? "STORE_UNAVAILABLE" : "IN_PROGRESS",
      retryable: true,
    });
    process.kill(stopped.pid, "SIGCONT");
    stopped.send({ type: "go" });
    const { answer } = await stopped.waitFor("answer");
    const { found, expected } = await comparedWith(database, service, [answer]);
    expect(found).toEqual(expected);
    expect(await heir.place("k")).toEqual({ ...answer, replayed: true });
  });
});

describe.runIf(onPostgres)("a stopped process on postgresql", () => {
  test.each([
    "before the writes of order",
    "after the writes of label",
    "after the row of label, before COMMIT",
  ] as const)(
    "%s, once the database has ended its session: writes nothing of that transaction",
    async (point) => {
      await using database = await openPostgres();
      await using setup = await openStopped(database, point);
      expect(await takenOver(database, setup)).toMatchObject({ by: "heir", replayed: false });
    },
  );
});
