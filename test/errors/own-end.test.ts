import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { clients } from "../ambient/support.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { idempotencyOf, orderOf, records, request } from "../support/runs.ts";

type Tx = Pick<TestClient, "$executeRawUnsafe" | "$queryRawUnsafe" | "$executeRaw" | "$queryRaw" | "order">;

const own = "onceonly: the handler has tried to end its transaction itself";
const ended = expect.objectContaining({ name: "TypeError", message: expect.stringContaining(own) as string });

const place = (tx: Tx) => tx.order.create({ data: orderOf("k") });

const swallowed = (statement: PromiseLike<unknown>) => Promise.resolve(statement).catch(() => undefined);

/** A client, and how many orders its handlers, and who else ends of transactions, sent to the driver. */
async function overheard(database: TestDatabase) {
  const arrived: string[] = [];
  const client = await database.connect({ log: (text) => arrived.push(text) });
  const count = (pattern: RegExp) => arrived.filter((text) => pattern.test(text)).length;
  return {
    client,
    writes: () => count(/^INSERT.*\bOrder\b/),
    commits: () => count(/^\s*commit|nowhere/i),
    rollbacks: () => count(/^rollback$/i),
  };
}

const left = async (database: TestDatabase) => [
  await database.countOrders(),
  (await records(database)).length,
];

/** A statement as a template literal makes it, its text a value of `Prisma.raw`. */
const raw = (sql: string) => ({ sql, strings: [sql], values: [] });

const ways: ((tx: Tx, sql: string) => PromiseLike<unknown>)[] = [
  (tx, sql) => tx.$executeRawUnsafe(sql),
  (tx, sql) => tx.$queryRawUnsafe(sql),
  (tx, sql) => tx.$executeRaw(Object.assign([sql], { raw: [sql] })),
  (tx, sql) => tx.$queryRaw(raw(sql) as never),
];

describe.each(databases)("a handler on $name that would end its transaction", ({ open, name }) => {
  it.each(clients)(
    "is refused, and so is all that follows: nothing is committed (client %s)",
    async (_, clientOf) => {
      await using database = await open();
      const { client, writes, commits, rollbacks } = await overheard(database);
      const idempotency = idempotencyOf(clientOf(client), { storeError: () => true });
      for (const end of ways) {
        for (const sql of ["COMMIT", "ROLLBACK", "COMMIT; INSERT INTO nowhere VALUES (1)"]) {
          const run = idempotency.run(request("k"), async ({ tx }) => {
            await place(tx);
            await expect(end(tx, sql)).rejects.toEqual(ended);
            // Its error would be stored.
            await place(tx);
          });
          await expect(run).rejects.toEqual(ended);
          expect(await left(database)).toEqual([0, 0]);
        }
      }
      // Those are Prisma's.
      expect([writes(), commits(), rollbacks()]).toEqual([12, 0, name === "postgresql" ? 12 : 0]);
      const retry = await idempotency.run(request("k"), ({ tx }) => place(tx));
      expect([retry.replayed, ...(await left(database))]).toEqual([false, 1, 1]);
    },
  );

  it.each(clients)(
    "is refused, though it was connected before and the error is caught (client %s)",
    async (_, clientOf) => {
      await using database = await open();
      await database.prisma.$connect();
      for (const sql of ["ROLLBACK", " commit work", "-- enough\nROLLBACK;", "; END", "SELECT 1; ROLLBACK"]) {
        const run = idempotencyOf(clientOf(database.prisma)).run(request("k"), async ({ tx }) => {
          await place(tx);
          await swallowed(tx.$executeRawUnsafe(sql));
          await swallowed(place(tx));
          return "done";
        });
        await expect(run).rejects.toEqual(ended);
        expect(await left(database)).toEqual([0, 0]);
      }
    },
  );

  it("gets that error also in a nested $transaction, and through an ambient client", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    const idempotency = createIdempotency({ prisma });
    const nested = idempotency.run(request("k"), async () => {
      await swallowed(
        prisma.$transaction(async (tx) => {
          await place(tx);
          await tx.$executeRawUnsafe("COMMIT");
        }),
      );
      await swallowed(place(prisma));
    });
    await expect(nested).rejects.toEqual(ended);
    expect(await left(database)).toEqual([0, 0]);
  });

  it("gets that error for a statement of the root client in a batch, which only the driver sees", async () => {
    await using database = await open();
    const { client, commits } = await overheard(database);
    const run = idempotencyOf(client, { guard: "off" } as never).run(request("k"), async ({ tx }) => {
      await place(tx);
      const batch = (tx as TestClient).$transaction([client.$executeRawUnsafe("COMMIT")]);
      await expect(batch).rejects.toThrow(own);
      await expect(place(tx)).rejects.toThrow(own);
    });
    await expect(run).rejects.toThrow(own);
    expect(await left(database)).toEqual([0, 0]);
    expect(commits()).toBe(0);
  });

  it("is refused without a key and in a transaction of a leased run too", async () => {
    await using database = await open();
    const idempotency = idempotencyOf(database.prisma);
    const end = async ({ tx }: { tx: Tx }) => {
      await place(tx);
      await swallowed(tx.$executeRawUnsafe("COMMIT"));
    };
    await expect(idempotency.runUnkeyed(end)).rejects.toEqual(ended);
    const leased = idempotency.runLeased(request("k"), ({ transaction }) => transaction("t", end));
    await expect(leased).rejects.toEqual(ended);
    expect(await database.countOrders()).toBe(0);
    expect(await database.query("SELECT name FROM idempotency_step")).toEqual([]);
  });

  it("may go back to savepoints, and make functions and triggers with a body", async () => {
    await using database = await open();
    const body =
      name === "mariadb"
        ? "CREATE TEMPORARY TABLE scratch (id INT)"
        : name === "sqlite"
          ? `CREATE TRIGGER t AFTER INSERT ON "Account" BEGIN DELETE FROM "Account"; END;`
          : "CREATE FUNCTION one() RETURNS int LANGUAGE SQL BEGIN ATOMIC SELECT 1; END";
    const run = idempotencyOf(database.prisma).run(request("k"), async ({ tx }) => {
      await tx.$executeRawUnsafe(body);
      const word = name === "mariadb" ? "work" : "transaction";
      for (const back of ["ROLLBACK TO mine", `/* x */ rollback ${word} to savepoint mine`]) {
        await tx.$executeRawUnsafe("SAVEPOINT mine");
        await place(tx);
        await tx.$executeRawUnsafe(back);
      }
      const end = "COMMIT";
      await tx.$queryRaw`SELECT CASE WHEN ${end} = 'x' THEN 'ROLLBACK' END AS "end" -- commit`;
      return "kept";
    });
    expect(await run).toEqual({ value: "kept", replayed: false });
    expect(await left(database)).toEqual([0, 1]);
  });
});

describe.runIf(onPostgres)("a COMMIT inside PostgreSQL, in a DO block or a procedure", () => {
  it("is refused by PostgreSQL, as the transaction is not its own", async () => {
    await using database = await openPostgres();
    await database.query("CREATE PROCEDURE ending() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'");
    for (const sql of ["DO 'BEGIN COMMIT; END'", "DO $$ BEGIN ROLLBACK; END $$", "CALL ending()"]) {
      const run = idempotencyOf(database.prisma).run(request("k"), async ({ tx }) => {
        await place(tx);
        await tx.$executeRawUnsafe(sql);
      });
      await expect(run).rejects.toMatchObject({
        meta: { driverAdapterError: { cause: { originalCode: "2D000" } } },
      });
      expect(await left(database)).toEqual([0, 0]);
    }
  });
});
