import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createClient } from "@libsql/client";
import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/index.ts";
import { openSqlite } from "../support/database.ts";
import { selectedProviders } from "../support/providers.ts";

const REQUEST = { operation: "work", key: "k", scope: "u" };

/** One that can hold the write lock of the file, as another process would. */
async function openBusy(leaseMs: number, log: (statement: string) => void = () => {}) {
  const database = await openSqlite({ log });
  const holder = createClient({ url: `file:${fileURLToPath(database.url)}` });
  return {
    database,
    idempotency: createIdempotency({ prisma: database.prisma, leaseMs }),
    hold: () => holder.transaction("write"),
    committed: (sql: string) => database.query(sql),
    async [Symbol.asyncDispose]() {
      holder.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

describe.runIf(selectedProviders().includes("sqlite"))("a leased run on a file that is busy", () => {
  test("has committed its claim and its steps before it goes on, once it has been refused", async () => {
    await using busy = await openBusy(60_000);
    const lock = await busy.hold();
    const seen: unknown[] = [];
    const running = busy.idempotency.runLeased(REQUEST, async ({ step }) => {
      seen.push(await busy.committed("SELECT status, attempt FROM idempotency_record"));
      const second = await busy.hold();
      const first = step("first", () => "done");
      await sleep(50);
      await second.commit();
      await first;
      seen.push(await busy.committed("SELECT name FROM idempotency_step"));
    });
    await sleep(50);
    await lock.commit();
    await running;
    seen.push(await busy.committed("SELECT status FROM idempotency_record"));
    expect(seen).toEqual([
      [{ status: "in_progress", attempt: 1 }],
      [{ name: "first" }],
      [{ status: "completed" }],
    ]);
  });

  test("repeats a transaction that was refused before its function ran", async () => {
    await using busy = await openBusy(60_000);
    let executions = 0;
    const { value } = await busy.idempotency.runLeased(REQUEST, async ({ transaction }) => {
      const lock = await busy.hold();
      const counting = transaction("count", ({ tx }) => {
        executions += 1;
        return tx.order.count();
      });
      await sleep(100);
      await lock.commit();
      return counting;
    });
    expect([value, executions]).toEqual([0, 1]);
  });

  test("soon repeats a heartbeat that was refused, and keeps its lease", async () => {
    let renewals = 0;
    await using busy = await openBusy(9_000, (statement) => {
      if (/^UPDATE \S+ SET "?locked_until"? = /.test(statement)) renewals += 1;
    });
    const { value } = await busy.idempotency.runLeased(REQUEST, async ({ signal }) => {
      const leases = () => busy.committed("SELECT locked_until FROM idempotency_record");
      const before = await leases();
      const lock = await busy.hold();
      // More than there are in a lease: the third would come as it runs out.
      await expect.poll(() => renewals).toBeGreaterThanOrEqual(3);
      await lock.commit();
      await expect.poll(leases, { interval: 20 }).not.toEqual(before);
      return signal.aborted;
    });
    expect(value).toBe(false);
  });
});
