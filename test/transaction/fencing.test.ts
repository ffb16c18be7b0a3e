import { describe, expect, test } from "vitest";
import { databases } from "../support/database.ts";
import { failureOf, idempotencyOf, orderOf, records, request } from "../support/runs.ts";

describe.each(databases)("storing a result on $name", ({ open }) => {
  const losses: Record<string, string> = {
    "the row has another owner": "UPDATE idempotency_record SET owner = 'another'",
    "the row is gone": "DELETE FROM idempotency_record",
    "the row is finished already":
      "UPDATE idempotency_record SET status = 'completed', response = 'devalue:[1]'",
  };

  test.each(Object.entries(losses))("is CLAIM_LOST and commits nothing when %s", async (_what, sql) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.order.create({ data: orderOf("k") });
      expect(await tx.$executeRawUnsafe(sql)).toBe(1);
      return "mine";
    });
    expect(await failureOf(run)).toMatchObject({
      code: "CLAIM_LOST",
      message: expect.stringContaining(
        "changed or deleted during the run, as its handler or a trigger can do",
      ),
      retryable: true,
      retryAfterMs: 1_000,
    });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });

  test("touches no record but its own", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    await idempotency.run(request("a"), async () => "a");
    const [before] = await records(db);
    await idempotency.run(request("b"), async () => "b");
    expect((await records(db))[0]).toEqual(before);
  });

  test("gives every execution an owner of its own", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    for (const key of ["a", "b", "c"]) await idempotency.run(request(key), async () => key);
    expect(new Set((await records(db)).map(({ owner }) => owner)).size).toBe(3);
  });
});
