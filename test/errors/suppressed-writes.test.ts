import { describe, expect, it } from "vitest";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { failureOf, idempotencyOf, placing, records, request } from "../support/runs.ts";

/** Has the database answer every update of a record with "no row". */
async function suppressUpdates(db: TestDatabase): Promise<void> {
  if (db.provider === "sqlite") {
    await db.query(
      "CREATE TRIGGER still BEFORE UPDATE ON idempotency_record BEGIN SELECT RAISE(IGNORE); END",
    );
    return;
  }
  await db.query("CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'");
  await db.query(
    "CREATE TRIGGER still BEFORE UPDATE ON idempotency_record FOR EACH ROW EXECUTE FUNCTION nothing()",
  );
}

describe.each(databases)("a record that can be made and not changed, on $name,", ({ open }) => {
  it("is a set-up that no retry mends: nothing is committed, and nobody is told to retry", async () => {
    await using db = await open();
    await suppressUpdates(db);
    const failure = await failureOf(idempotencyOf(db.prisma).run(request("k"), placing("k")));
    expect(failure).toMatchObject({ code: "STORE_MISCONFIGURED", retryable: false });
    expect(failure.message).toContain("a policy of row-level security or a trigger");
    expect([await db.countOrders(), await records(db)]).toEqual([0, []]);
  });
});

describe.runIf(onPostgres)("a handler that changes what our statements depend on", () => {
  it("is told so, where they cannot find their table any more", async () => {
    await using db = await openPostgres();
    const run = idempotencyOf(db.prisma).run(request("k"), async ({ tx }) => {
      await tx.$executeRawUnsafe("SET LOCAL search_path = nowhere");
      return 1;
    });
    const failure = await failureOf(run);
    expect(failure.code).toBe("STORE_MISCONFIGURED");
    expect(failure.message).toContain("such as the role or the search_path: it must set that back");
    expect(await records(db)).toEqual([]);
  });
});
