/** What a database must keep for leased runs, asked of the port itself: runs meet it only when they race. */
import { describe, expect, it } from "vitest";
import type { ClaimParams, LeaseStore } from "../../src/core/contract/store.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import { lapse } from "./helpers.ts";

const id = "r";
const claimBy = (owner: string, more: Partial<ClaimParams> = {}): ClaimParams => ({
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
  ...more,
});
const step = (owner: string, response = "done", name = "charge") => ({ id, owner, name, response });
const completed = (owner: string) =>
  ({ id, owner, status: "completed", response: "r", retentionMs: 60_000 }) as const;
const leasesOf = (db: TestDatabase): LeaseStore => createPrismaStore({ prisma: db.prisma }).leases;
const rows = async (db: TestDatabase) => db.query("SELECT * FROM idempotency_record");

describe.each(databases)("leases on $name", ({ open }) => {
  it("let an executor that was taken over write nothing", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    await lapse(db);
    expect(await leases.claim(claimBy("second"))).toEqual({ state: "claimed", attempt: 2 });
    const before = await rows(db);
    expect(await leases.renew({ id, owner: "first", leaseMs: 90_000, retentionMs: 60_000 })).toBe(false);
    expect(await leases.recordStep(step("first"))).toBe(false);
    expect(await leases.giveBack({ id, owner: "first", delayMs: 0, retentionMs: 60_000 })).toBe(false);
    expect(await leases.complete(completed("first"))).toBe(false);
    expect(await rows(db)).toEqual(before);
    expect(await leases.steps(id)).toEqual([]);
  });

  it("let nobody write once the outcome is stored", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    expect(await leases.complete(completed("first"))).toBe(true);
    const before = await rows(db);
    expect(await leases.renew({ id, owner: "first", leaseMs: 90_000, retentionMs: 60_000 })).toBe(false);
    expect(await leases.recordStep(step("first"))).toBe(false);
    expect(await leases.giveBack({ id, owner: "first", delayMs: 0, retentionMs: 60_000 })).toBe(false);
    expect(await leases.complete(completed("first"))).toBe(false);
    expect(await rows(db)).toEqual(before);
  });

  it("record a step again in the place of the first time, and say that they did", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    expect(await leases.recordStep(step("first"))).toBe(true);
    expect(await leases.recordStep(step("first"))).toBe(true);
    expect(await leases.recordStep(step("first", "again"))).toBe(true);
    expect(await leases.steps(id)).toEqual([{ name: "charge", response: "again" }]);
  });

  it("tell steps apart whose names differ by case or by a space", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    const names = ["charge", "Charge", "charge ", "chargé"];
    for (const name of names) expect(await leases.recordStep(step("first", name, name))).toBe(true);
    const found = await leases.steps(id);
    expect(found.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    expect(found.every(({ name, response }) => name === response)).toBe(true);
  });

  it("forget the steps of a record that has expired, and record them anew", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    await leases.recordStep(step("first"));
    await lapse(db);
    const past = "'2000-01-01T00:00:00.000+00:00'";
    await db.query(`UPDATE idempotency_record SET created_at = ${past}, expires_at = ${past}`);
    await db.query(`UPDATE idempotency_step SET record_created_at = ${past}`);
    expect(await leases.steps(id)).toHaveLength(1);
    expect(await leases.claim(claimBy("second"))).toEqual({ state: "claimed", attempt: 1 });
    expect(await leases.steps(id)).toEqual([]);
    expect(await leases.recordStep(step("second", "anew"))).toBe(true);
    expect(await leases.steps(id)).toEqual([{ name: "charge", response: "anew" }]);
  });

  it("keep the steps for the next owner", async () => {
    await using db = await open();
    const leases = leasesOf(db);
    await leases.claim(claimBy("first"));
    await leases.recordStep(step("first"));
    expect(await leases.giveBack({ id, owner: "first", delayMs: 60_000, retentionMs: 60_000 })).toBe(true);
    expect(await leases.claim(claimBy("second"))).toEqual({ state: "claimed", attempt: 2 });
    expect(await leases.steps(id)).toEqual([{ name: "charge", response: "done" }]);
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
