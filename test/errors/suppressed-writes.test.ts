import { describe, expect, it } from "vitest";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";

type Write = "INSERT" | "UPDATE";
type Table = "idempotency_record" | "idempotency_step";

/** Has the database answer every such write with "no row". */
async function suppress(db: TestDatabase, write: Write, table: Table): Promise<void> {
  if (db.provider === "sqlite") {
    await db.query(`CREATE TRIGGER still BEFORE ${write} ON ${table} BEGIN SELECT RAISE(IGNORE); END`);
    return;
  }
  await db.query("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
  await db.query(`CREATE TRIGGER still BEFORE ${write} ON ${table} FOR EACH ROW EXECUTE FUNCTION nothing()`);
}

const permanent = {
  code: "STORE_MISCONFIGURED",
  retryable: false,
  message: expect.stringMatching(/(a policy of row-level security or a trigger|a trigger or a policy)/),
};

describe.each(databases)("a database that keeps no row of ours, on $name,", ({ open }) => {
  it.each([["INSERT"], ["UPDATE"]] as const)(
    "and suppresses each %s, is a set-up that no retry mends: nothing is committed",
    async (write) => {
      await using db = await open();
      await suppress(db, write, "idempotency_record");
      for (const isRetry of [false, true]) {
        const run = idempotencyOf(db.prisma).run(request("k", { isRetry }), placing("k"));
        expect(await failureOf(run)).toMatchObject(permanent);
      }
      expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
    },
  );

  it.each([
    ["INSERT", "idempotency_record", 0],
    ["UPDATE", "idempotency_record", 1],
    ["INSERT", "idempotency_step", 1],
  ] as const)("and suppresses each %s of %s, is one for a leased run too", async (write, table, runs) => {
    await using db = await open();
    await suppress(db, write, table);
    const idempotency = idempotencyOf(db.prisma);
    let charges = 0;
    const leased = idempotency.runLeased(request("k"), ({ step }) => step("charge", () => (charges += 1)));
    expect(await failureOf(leased)).toMatchObject(permanent);
    const inTransaction = idempotency.runLeased(request("t"), ({ transaction }) =>
      transaction("write", ({ tx }) => placing("k")({ tx } as never)),
    );
    expect(await failureOf(inTransaction)).toMatchObject(permanent);
    expect([charges, await db.countOrders()]).toEqual([runs, 0]);
  });
});

describe.runIf(onPostgres)("a handler that changes what our statements depend on", () => {
  it.each(["SET LOCAL search_path = nowhere", "SET TRANSACTION READ ONLY"])(
    "is told so, and nobody to retry: %s",
    async (sql) => {
      await using db = await openPostgres();
      const run = idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
        await tx.$executeRawUnsafe(sql);
        return 1;
      });
      const failure = await failureOf(run);
      expect(failure).toMatchObject({ code: "STORE_MISCONFIGURED", retryable: false });
      expect(failure.message).toMatch(/such as the role, the search_path or .*: it must set that back/);
      expect(await records(db)).toEqual([]);
    },
  );
});
