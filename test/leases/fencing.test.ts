import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { gate } from "../support/gate.ts";

const REQUEST = { operation: "work", key: "k", scope: "u" };

describe.each(databases)("a run that was taken over on $name", ({ open }) => {
  test("and then fails, does not give its successor's claim back, and is told LEASE_LOST", async () => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    const record = () => database.query("SELECT owner, locked_until FROM idempotency_record");
    let before: unknown;
    const run = idempotency.runLeased(REQUEST, async () => {
      await database.query("UPDATE idempotency_record SET owner = 'another', attempt = 2");
      before = await record();
      throw new Error("a bug");
    });
    await expect(run).rejects.toMatchObject({
      code: "LEASE_LOST",
      details: { takenOver: true },
      message: expect.stringContaining("another executor has it, or the record was deleted"),
      retryable: true,
      cause: { message: "a bug" },
    });
    expect(await record()).toEqual(before);
  });

  test.each(["step", "transaction"] as const)("records no %s any more", async (kind) => {
    await using database = await open();
    const idempotency = createIdempotency({ prisma: database.prisma });
    let executions = 0;
    const run = idempotency.runLeased(REQUEST, async (context) => {
      await database.query("UPDATE idempotency_record SET owner = 'another', attempt = 2");
      await context[kind]("one", () => {
        executions += 1;
      });
    });
    await expect(run).rejects.toMatchObject({ code: "LEASE_LOST" });
    // What a step does is outside, where its key is known; a transaction does not begin.
    expect(executions).toBe(kind === "step" ? 1 : 0);
    expect(await database.query("SELECT * FROM idempotency_step")).toEqual([]);
  });
});

describe.runIf(onPostgres)("a takeover that is under way, not yet committed", () => {
  test("is waited for by the record of a step, which is then refused", async () => {
    await using database = await openPostgres();
    const other = await database.connect();
    const idempotency = createIdempotency({ prisma: database.prisma });
    const taken = gate();
    const commit = gate();
    let takeover: Promise<unknown> = Promise.resolve();
    const run = idempotency.runLeased(REQUEST, ({ step }) =>
      step("one", async () => {
        takeover = other.$transaction(async (tx) => {
          await tx.$executeRawUnsafe("UPDATE idempotency_record SET owner = 'another', attempt = 2");
          taken.open();
          await commit.opened;
        });
        await taken.opened;
      }),
    );
    const outcome = run.catch((error: unknown) => error);
    const [blocked] = await database.waitForBlockedBackend();
    expect(blocked?.query).toMatch(/^INSERT INTO \S*idempotency_step/);
    commit.open();
    await takeover;
    expect(await outcome).toMatchObject({ code: "LEASE_LOST" });
    expect(await database.query("SELECT * FROM idempotency_step")).toEqual([]);
  });
});
