import { describe, expect, it } from "vitest";
import { SEED, seeded } from "../chaos/seeded.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { scaled } from "../support/scale.ts";
import { application, Undo } from "./support.ts";

const RUNS = scaled({ short: 100, long: 500 });

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** Three layers of services over one imported client. Each layer writes rows of its own, named after the run. */
function services(prisma: TestClient, random: () => number) {
  const pause = () => turns(Math.floor(random() * 4));
  const repository = {
    async insert(id: string) {
      await pause();
      if (random() < 0.5) await prisma.account.create({ data: { id, balance: 1 } });
      else await prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES (${id}, 1)`;
      await pause();
    },
  };
  const ledger = {
    async book(run: string) {
      await prisma.$transaction(async () => {
        await repository.insert(`${run}/ledger 1`);
        await repository.insert(`${run}/ledger 2`);
      });
      const refused = prisma.$transaction(async (tx) => {
        await tx.account.create({ data: { id: `${run}/refused`, balance: 1 } });
        await pause();
        throw new Undo();
      });
      await refused.catch(() => {});
    },
    async stock(run: string) {
      await repository.insert(`${run}/stock`);
      await prisma.account.update({ where: { id: `${run}/stock` }, data: { balance: { increment: 1 } } });
    },
  };
  return {
    async place(run: string) {
      await pause();
      await Promise.all([ledger.book(run), ledger.stock(run)]);
      return prisma.account.count({ where: { id: { startsWith: `${run}/` } } });
    },
  };
}

const rowsOf = async (database: TestDatabase) => {
  const rows = new Map<string, string[]>();
  for (const { id, balance } of await database.query('SELECT id, balance FROM "Account" ORDER BY id')) {
    const [run = "", part] = String(id).split("/");
    rows.set(run, [...(rows.get(run) ?? []), `${part}: ${balance}`]);
  }
  return rows;
};

describe.each(databases)(`${RUNS} runs at a time on $name`, ({ name, open }) => {
  it("each write in their own transaction, at any depth: all of it, or nothing", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const random = seeded(SEED).next;
    const { place } = services(prisma, random);
    const transactions = new Set<string>();
    const run = async (index: number) => {
      const fails = random() < 0.3;
      const key = `run ${index}`;
      const transaction = { maxWaitMs: 100_000, timeoutMs: 100_000 };
      await idempotency.run(request(key, { transaction }), async ({ tx }) => {
        if (name === "postgresql") {
          const ids = [prisma, tx].map(
            (client) => client.$queryRaw<{ id: string }[]>`SELECT pg_current_xact_id()::text AS id`,
          );
          const [[ambient], [own]] = (await Promise.all(ids)) as [[{ id: string }], [{ id: string }]];
          expect(ambient.id).toBe(own.id);
          transactions.add(own.id);
        }
        expect(await place(key)).toBe(3);
        if (fails) throw new Undo();
      });
    };
    const ended = await Promise.allSettled(Array.from({ length: RUNS }, (_, index) => run(index)));
    const failures = ended.filter((end): end is PromiseRejectedResult => end.status === "rejected");
    const others = failures.map(({ reason }) => reason).filter((reason) => !(reason instanceof Undo));
    expect(others.slice(0, 3), `CHAOS_SEED=${SEED}`).toEqual([]);
    expect(failures.length).toBeGreaterThan(RUNS / 10);

    const rows = await rowsOf(database);
    expect(rows.size).toBe(RUNS - failures.length);
    for (const parts of rows.values()) expect(parts).toEqual(["ledger 1: 1", "ledger 2: 1", "stock: 2"]);
    if (name === "postgresql") expect(transactions.size).toBe(RUNS);
    const records = await database.query("SELECT key FROM idempotency_record");
    expect(new Set(records.map(({ key }) => key))).toEqual(new Set(rows.keys()));
  });
});
