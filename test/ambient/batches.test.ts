import { describe, expect, it } from "vitest";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { door, request } from "../support/runs.ts";
import { account, accountIds, application, clients, Undo, undo } from "./support.ts";

const increment = ({ account: accounts }: TestClient) =>
  accounts.update({ where: { id: "a" }, data: { balance: { increment: 1 } } });

async function balance(database: TestDatabase): Promise<number> {
  const [row] = await database.query(`SELECT balance FROM "Account" WHERE id = 'a'`);
  return Number(row?.["balance"]);
}

describe.each(databases)("a batch in a handler on $name", ({ open }) => {
  it.each<[string, (prisma: TestClient) => Promise<unknown>]>([
    ["a statement twice", (prisma) => ((one) => prisma.$transaction([one, one]))(increment(prisma))],
    [
      "a statement that has been awaited",
      async (prisma) => {
        const one = increment(prisma);
        await one;
        return prisma.$transaction([one]);
      },
    ],
    [
      "a statement of a batch that failed",
      async (prisma) => {
        const one = increment(prisma);
        await prisma.$transaction([one, prisma.account.create(account("a"))]).catch(() => {});
        await prisma.$transaction([one]);
        return prisma.$transaction([one]);
      },
    ],
  ])("sends %s as often as a batch outside does", async (_, batch) => {
    await using database = await open();
    for (const [n, [, clientOf]] of clients.entries()) {
      const { prisma, idempotency } = application(clientOf(database.prisma));
      await prisma.account.upsert({
        where: { id: "a" },
        create: { id: "a", balance: 0 },
        update: { balance: 0 },
      });
      await batch(prisma);
      expect(await balance(database)).toBe(2);
      await idempotency.run(request(`through the client ${n}`), async () => batch(prisma));
      expect(await balance(database)).toBe(4);
      await idempotency.run(request(`through tx ${n}`), async ({ tx }) => batch(tx as unknown as TestClient));
      expect(await balance(database)).toBe(6);
    }
  });

  it.each(clients)("sends statements made before the handler in each execution, %s", async (_, clientOf) => {
    await using database = await open();
    const { prisma, idempotency } = application(clientOf(database.prisma));
    await prisma.account.create(account("a", 0));
    const statements = [increment(prisma), prisma.account.count()] as const;
    let executions = 0;
    const execute = async () =>
      idempotency.run(request("k"), async () => {
        const [{ balance: found }, count] = await prisma.$transaction([...statements]);
        executions += 1;
        return executions === 1 ? undo() : { found, count };
      });
    await expect(execute()).rejects.toBeInstanceOf(Undo);
    expect(await balance(database)).toBe(0);
    expect((await execute()).value).toEqual({ found: 1, count: 1 });
    expect([executions, await balance(database)]).toEqual([2, 1]);
  });

  it.each(clients)(
    "of one database sends nothing if a statement was made in a handler of another, %s",
    async (_, clientOf) => {
      await using database = await open();
      await using second = await open();
      const outer = application(clientOf(database.prisma));
      const inner = application(clientOf(second.prisma));
      await outer.idempotency.run(request("outer"), async () => {
        const made = outer.prisma.account.create(account("made outside"));
        const run = inner.idempotency.run(request("inner"), async () =>
          inner.prisma.$transaction([inner.prisma.account.create(account("first")), made]),
        );
        await expect(run).rejects.toThrow("was given to a $transaction elsewhere");
      });
      expect([await accountIds(database), await accountIds(second)]).toEqual([[], []]);
    },
  );
});

describe.runIf(onPostgres)("a batch in a handler on postgresql", () => {
  it("sends statements made before the handler again when the run meets a write conflict", async () => {
    await using database = await openPostgres();
    const { prisma, idempotency } = application(database.prisma);
    await prisma.account.create(account("a", 0));
    const statements = [prisma.account.count(), increment(prisma)] as const;
    let executions = 0;
    const options = { retryConflicts: 1, transaction: { isolationLevel: "RepeatableRead" as const } };
    const run = idempotency.run(request("k", options), async () => {
      executions += 1;
      await prisma.account.count();
      // By another connection, after the snapshot of this transaction.
      if (executions === 1) await database.query(`UPDATE "Account" SET balance = 10 WHERE id = 'a'`);
      const [, row] = await prisma.$transaction([...statements]);
      return row.balance;
    });
    expect(await run).toEqual({ value: 11, replayed: false });
    expect([executions, await balance(database)]).toEqual([2, 11]);
  });

  it.each(clients)(
    "sends nothing if a statement was made in another run, which is still open, %s",
    async (_, clientOf) => {
      await using database = await openPostgres();
      const { prisma, idempotency } = application(clientOf(database.prisma));
      const { wait, arrived, open: end } = door();
      let made: ReturnType<typeof increment> | undefined;
      const maker = idempotency.run(request("maker"), async () => {
        made = prisma.account.create(account("made"));
        await wait();
      });
      await arrived;
      const taker = idempotency.run(request("taker"), async () =>
        prisma.$transaction([prisma.account.create(account("first")), made as NonNullable<typeof made>]),
      );
      await expect(taker).rejects.toThrow("was given to a $transaction elsewhere");
      end();
      await maker;
      expect(await accountIds(database)).toEqual([]);
    },
  );
});
