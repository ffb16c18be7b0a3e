/** Finds what is broken on purpose, and nothing in what is right. */
import { AssertionError } from "node:assert";
import { describe, expect, it } from "vitest";
import { expectExactlyOnce } from "../../src/testing/kit/expect-exactly-once.ts";
import { ExactlyOnceError } from "../../src/testing/kit/findings.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { broken, right, type Shop } from "./mutations.ts";

function shopOn(db: TestDatabase) {
  const shop: Shop = { prisma: db.prisma, mails: [], counted: 0 };
  const observe = async () => ({
    orders: await db.countOrders(),
    accounts: Number((await db.query('SELECT count(*) AS n FROM "Account"'))[0]?.["n"]),
    mails: shop.mails,
    counted: shop.counted,
  });
  return { shop, options: { observe, callers: ["ada", "bob"], settleMs: 10 } as const };
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe.each(databases)("expectExactlyOnce on $name", ({ open }) => {
  it.concurrent.each(Object.entries(right))("passes %s", async (_, make) => {
    await using db = await open();
    const { shop, options } = shopOn(db);
    const report = await expectExactlyOnce(make(shop), options);
    expect(report.oneExecution).toMatchObject({ orders: 1, accounts: 1, counted: 0 });
    expect(report.statements).toBe(2);
    expect(report.tried).toHaveLength(7);
  });

  it("kills for good: what a handler makes of the error is not committed", async () => {
    await using db = await open();
    const { shop, options } = shopOn(db);
    const { mutation } = broken["an error that is caught in the transaction"]!;
    const report = await expectExactlyOnce(mutation(shop), { ...options, leaveOut: ["failing statement"] });
    expect(report.tried).toContain("kill");
  });

  it.concurrent.each(Object.entries(broken))("finds %s", async (_, { mutation, kind, names }) => {
    await using db = await open();
    const { shop, options } = shopOn(db);
    const error = await errorOf(expectExactlyOnce(mutation(shop), options));
    if (!(error instanceof ExactlyOnceError)) throw new Error("nothing found", { cause: error });
    expect(error).toBeInstanceOf(AssertionError);
    const found = error.findings.filter((each) => each.kind === kind).map(({ text }) => text);
    expect(found.join("\n")).toMatch(names);
    expect(error.message).toContain(found[0]);
  });
});
