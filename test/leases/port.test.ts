/** A write of a lease that meets a takeover under way. What else the port must keep, test/store/conformance.test.ts asks. */
import { describe, expect, it } from "vitest";
import type { ClaimParams, LeaseStore } from "../../src/core/contract/store.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { casesOn } from "../store/conformance-cases.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";

const id = "r";
const claimBy = (owner: string): ClaimParams => ({
  id,
  scope: "s",
  operation: "o",
  key: "k",
  fingerprint: "f",
  owner,
  lockWaitMs: 1_000,
  retentionMs: 60_000,
  leaseMs: 60_000,
  input: "i",
});
const step = (owner: string) => ({ id, owner, name: "charge", response: "done" });
const completed = (owner: string) =>
  ({ id, owner, status: "completed", response: "r", retentionMs: 60_000 }) as const;
const leasesOf = (db: TestDatabase): LeaseStore => createPrismaStore({ prisma: db.prisma }).leases;
const rows = async (db: TestDatabase) => db.query("SELECT * FROM idempotency_record");

// Two of those cases under the names that docs/internals/guarantees.md knows.
describe.each(databases)("leases on $name", (database) => {
  const check = (name: string) =>
    casesOn(database)
      .find((each) => each.name === name)
      ?.run() ?? Promise.reject(new Error(name));

  it("let an executor that was taken over write nothing", async () => {
    await expect(check("an executor that was taken over writes nothing")).resolves.toBeUndefined();
  });

  it("record a step again in the place of the first time, and say that they did", async () => {
    const name = "a step that is recorded again takes the place of the first, and counts as recorded";
    await expect(check(name)).resolves.toBeUndefined();
  });
});

describe.runIf(onPostgres)("a takeover under way on postgresql", () => {
  it.each([
    ["recordStep", (leases: LeaseStore) => leases.recordStep(step("first"))],
    [
      "renew",
      (leases: LeaseStore) => leases.renew({ id, owner: "first", leaseMs: 90_000, retentionMs: 60_000 }),
    ],
    [
      "giveBack",
      (leases: LeaseStore) => leases.giveBack({ id, owner: "first", delayMs: 0, retentionMs: 60_000 }),
    ],
    ["complete", (leases: LeaseStore) => leases.complete(completed("first"))],
  ])("is waited for by %s, which then finds another owner", async (_, write) => {
    await using db = await openPostgres();
    const leases = leasesOf(db);
    const other = await db.connect();
    await leases.claim(claimBy("first"));
    const { written } = await other.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE idempotency_record SET owner = 'second'`;
      const pending = write(leases);
      await db.waitForBlockedBackend();
      return { written: pending };
    });
    expect(await written).toBe(false);
    expect(await leases.steps(id)).toEqual([]);
    expect(await rows(db)).toMatchObject([{ owner: "second", status: "in_progress" }]);
  });
});
