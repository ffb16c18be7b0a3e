import { makeWorkerUtils, runOnce } from "graphile-worker";
import { Pool } from "pg";
import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { idempotencyOf, orderOf, request } from "../support/runs.ts";

/** PostgreSQL with the tables and functions of a job queue. */
async function withQueue() {
  const db = await openPostgres();
  const pgPool = new Pool({ connectionString: db.url });
  // The end of the database may come to a connection before its own.
  pgPool.on("connect", (client) => client.on("error", () => {}));
  pgPool.on("error", () => {});
  const utils = await makeWorkerUtils({ pgPool });
  await utils.migrate();
  await utils.release();
  const mails: unknown[] = [];
  const work = () =>
    runOnce({
      pgPool,
      taskList: { mail: (payload) => void mails.push(payload) },
      noHandleSignals: true,
    });
  return {
    ...db,
    mails,
    work,
    async [Symbol.asyncDispose]() {
      await pgPool.end();
      await db[Symbol.asyncDispose]();
    },
  };
}

describe.runIf(onPostgres)("a job queued with tx", () => {
  test("commits with the order and is worked once, however often the mutation is sent", async () => {
    await using db = await withQueue();
    const idempotency = idempotencyOf(db.prisma);
    const place = () =>
      idempotency.run(request("k"), async ({ tx, deriveKey }) => {
        const order = await tx.order.create({ data: orderOf("k") });
        const mail = JSON.stringify({ order: order.id });
        await tx.$executeRaw`SELECT graphile_worker.add_job('mail', ${mail}::json, job_key := ${deriveKey("mail")})`;
        return order.id;
      });
    const answers = await Promise.all([place(), place(), place()]);
    answers.push(await place());
    await db.work();
    await db.work();
    expect(db.mails).toEqual([{ order: answers[0]?.value }]);
    expect(await db.countOrders()).toBe(1);
  });

  test("is gone when the run is rolled back, and is not queued by an error that is stored", async () => {
    await using db = await withQueue();
    const stored = new Error("stored");
    const idempotency = idempotencyOf(db.prisma, { storeError: (error) => error === stored });
    const failing = (key: string, error: Error) =>
      idempotency.run(request(key), async ({ tx }) => {
        await tx.$executeRaw`SELECT graphile_worker.add_job('mail', '{}'::json)`;
        throw error;
      });
    await expect(failing("k", new Error("released"))).rejects.toThrow("released");
    await expect(failing("l", stored)).rejects.toThrow("stored");
    await db.work();
    expect(db.mails).toEqual([]);
  });

  test("from a leased run's transaction is queued once, whatever fails after it", async () => {
    await using db = await withQueue();
    const idempotency = idempotencyOf(db.prisma);
    const place = () =>
      idempotency.runLeased(request("k"), async ({ transaction, attempt }) => {
        await transaction("mail", async ({ tx, key }) => {
          await tx.$executeRaw`SELECT graphile_worker.add_job('mail', ${JSON.stringify({ key })}::json)`;
        });
        if (attempt < 3) throw new Error("crashed");
      });
    await expect(place()).rejects.toThrow("crashed");
    await expect(place()).rejects.toThrow("crashed");
    await place();
    await db.work();
    expect(db.mails).toHaveLength(1);
  });
});
