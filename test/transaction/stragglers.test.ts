import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { describe, expect, it, vi } from "vitest";
import { savepointName } from "../../src/prisma/client/savepoint.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { idempotencyOf, orderOf, records, request } from "../support/runs.ts";
import { times } from "../support/scale.ts";

type Tx = Pick<TestClient, "order" | "account">;

const RUNS = times({ short: 3, long: 20 });

const limited = { onDuplicate: "reject", transaction: { timeoutMs: 20, maxWaitMs: 60_000 } } as const;

const several = (tx: Tx, more: readonly PromiseLike<unknown>[] = []) =>
  Promise.all([...Array.from({ length: 8 }, () => tx.order.create({ data: orderOf("k") })), ...more]);

/** Handlers that end while statements of theirs are under way or still to be sent. */
const handlers: [name: string, handler: (context: { tx: Tx }) => Promise<unknown>][] = [
  [
    "one of several creates fails",
    ({ tx }) => several(tx, [tx.account.create({ data: { id: "taken", balance: 1 } })]),
  ],
  ["a sibling of several creates rejects", ({ tx }) => several(tx, [Promise.reject(new Error("sibling"))])],
  [
    "a sibling rejects while creates go on one after the other",
    ({ tx }) => Promise.all([inLoop(tx), several(tx), Promise.reject(new Error("sibling"))]),
  ],
  ["time is over", ({ tx }) => inLoop(tx)],
];

async function inLoop(tx: Tx): Promise<never> {
  for (;;) {
    await several(tx);
    // Without it, SQLite leaves no turn to timers.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(databases)("a run on $name that is rolled back", ({ open }) => {
  it.each(handlers)(`leaves no row when %s, in ${RUNS} runs`, async (_, handler) => {
    await using database = await open();
    await database.query(`INSERT INTO "Account" (id, balance) VALUES ('taken', 1)`);
    for (const storeError of [() => false, () => true]) {
      const idempotency = idempotencyOf(database.prisma, { ...limited, storeError });
      for (let n = 0; n < RUNS; n += 1) {
        const run = idempotency.run(request(`${n} ${storeError()}`), handler);
        await expect(run).rejects.toThrow();
      }
    }
    // Whatever was late has its turn before this.
    await database.prisma.order.count();
    expect(await database.countOrders()).toBe(0);
    const failed = (await records(database)).filter(({ status }) => status !== "failed");
    expect(failed).toEqual([]);
  });
});

/** Holds every statement about accounts, reading ones too. */
async function lockAccounts(database: TestDatabase) {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE "Account" IN ACCESS EXCLUSIVE MODE');
  return { release: () => client.end() };
}

describe.runIf(onPostgres)("an operation of several statements", () => {
  it.each([
    ["", () => {}],
    [", though its client was connected before", (prisma: TestClient) => prisma.$connect()],
  ])(`that is under way when its time is over leaves nothing%s, in ${RUNS} runs`, async (_, before) => {
    await using database = await openPostgres();
    for (let n = 0; n < RUNS; n += 1) {
      const prisma = await database.connect({ max: 1 });
      await before(prisma);
      const { release } = await lockAccounts(database);
      // Reads whether there is an "a", and then makes "b".
      const transaction = { timeoutMs: 300, maxWaitMs: 60_000 };
      const run = idempotencyOf(prisma, { ...limited, transaction }).run(request(`k${n}`), ({ tx }) =>
        tx.account.upsert({ where: { id: "a" }, create: { id: "b", balance: 1 }, update: {} }),
      );
      const failure = run.catch((error: unknown) => error);
      await database.waitForBlockedBackend();
      // Timers of one process fire in their order, and a second is the most that is added for the claim.
      await sleep(transaction.timeoutMs + 1_000);
      await release();
      expect(await failure).toMatchObject({ code: "P2028" });
      // In the connection of the run, after whatever else was sent in it.
      await prisma.order.count();
      expect(await database.query('SELECT id FROM "Account"')).toEqual([]);
      await prisma.$disconnect();
    }
  });
});

describe("the savepoint of a run", () => {
  it("has a name that nobody can guess", async () => {
    const names = new Set([savepointName(0)]);
    for (let n = 0; n < 3; n += 1) {
      // As another process does.
      vi.resetModules();
      names.add((await import("../../src/prisma/client/savepoint.ts")).savepointName(0));
    }
    expect(names.size).toBe(4);
    expect([...names].every((name) => /^onceonly_[0-9a-f]{16}_0$/.test(name))).toBe(true);
  });
});
