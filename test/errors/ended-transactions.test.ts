import { describe, expect, test } from "vitest";
import type { RunOptions } from "../../src/core/contract/options/options.ts";
import type { TestClient } from "../support/clients.ts";
import { onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { createDeferred, idempotencyOf, orderOf, records, request } from "../support/runs.ts";

type PlaceHandler = (context: { tx: TestClient }) => Promise<unknown>;

describe.runIf(onPostgres)("an error of a run", () => {
  const storing = { storeError: () => true, waitMs: 500 };

  /** The error of the first call, and what a retry elsewhere gets. */
  async function afterError(db: TestDatabase, options: RunOptions, handler: PlaceHandler) {
    const first = await idempotencyOf(db.prisma, options)
      .run(request("k"), handler as never)
      .then(
        (value) => ({ unexpected: value }) as unknown,
        (error: unknown) => error,
      );
    const kept = (await records(db)).map(({ status }) => status);
    const retry = await idempotencyOf(await db.connect(), options).run(request("k"), async () => "executed");
    return { first, kept, retry };
  }
  const released = { kept: [], retry: { value: "executed", replayed: false } };

  test("that comes of the end of its transaction is not stored", async () => {
    await using db = await openPostgres();
    const limited = { ...storing, transaction: { timeoutMs: 150, maxWaitMs: 2_000 } };
    const outlast = async ({ tx }: { tx: Pick<TestClient, "order"> }) => {
      await tx.order.create({ data: orderOf("k") });
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return "too late";
    };
    expect(await afterError(db, limited, outlast)).toMatchObject({ ...released, first: { code: "P2028" } });
    expect(await db.countOrders()).toBe(0);
  });

  test("that comes after the end of its transaction is not stored, though it is an answer otherwise", async () => {
    await using db = await openPostgres();
    const limited = { ...storing, transaction: { timeoutMs: 150, maxWaitMs: 2_000 } };
    const outlast = async ({ tx }: { tx: Pick<TestClient, "order"> }) => {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await tx.order.count().catch(() => 0);
      throw new Error("sold out");
    };
    expect(await afterError(db, limited, outlast)).toMatchObject(released);
  });

  test("that comes of a lost connection is not stored", async () => {
    await using db = await openPostgres();
    const lost = async ({ tx }: { tx: Pick<TestClient, "$queryRawUnsafe" | "account"> }) => {
      const rows = await tx.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
      await db.query(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
      const found = await tx.account.findUnique({ where: { id: "a" } }).catch(() => null);
      if (found === null) throw new Error("no such account");
    };
    const { first, ...rest } = await afterError(db, storing, lost);
    expect(rest).toEqual(released);
    expect(first).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  });

  test("of a COMMIT that the database refuses is not stored", async () => {
    await using db = await openPostgres();
    await createDeferred(db);
    const orphan = ({ tx }: { tx: Pick<TestClient, "$executeRawUnsafe"> }) =>
      Promise.resolve(tx.$executeRawUnsafe("INSERT INTO child VALUES (2)"));
    expect(await afterError(db, storing, orphan)).toMatchObject(released);
  });

  test("of a failed statement, wrapped in an answer, is stored", async () => {
    await using db = await openPostgres();
    await db.prisma.account.create({ data: { id: "a", balance: 1 } });
    const taken = async ({ tx }: { tx: Pick<TestClient, "account"> }) => {
      try {
        await tx.account.create({ data: { id: "a", balance: 2 } });
      } catch (cause) {
        throw new Error("taken", { cause });
      }
    };
    await expect(idempotencyOf(db.prisma, storing).run(request("k"), taken as never)).rejects.toThrow(
      "taken",
    );
    const elsewhere = idempotencyOf(await db.connect(), storing).run(request("k"), async () => "executed");
    await expect(elsewhere).rejects.toThrow("taken");
  });

  test("does not come of going back to a savepoint, however that is written", async () => {
    await using db = await openPostgres();
    const run = idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      await tx.$queryRaw`SELECT CASE WHEN true THEN 'ROLLBACK' END AS "end" -- commit`;
      await tx.$executeRaw`CREATE FUNCTION one() RETURNS int LANGUAGE SQL BEGIN ATOMIC SELECT 1; END`;
      for (const back of ["ROLLBACK TO mine", "/* x */ rollback work to savepoint mine"]) {
        await tx.$executeRawUnsafe("SAVEPOINT mine");
        await tx.order.create({ data: orderOf("undone") });
        await tx.$executeRawUnsafe(back);
      }
      return "kept";
    });
    expect(await run).toEqual({ value: "kept", replayed: false });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 1]);
  });
});
