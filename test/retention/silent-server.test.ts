/** What stands outside of runs is not waited for for ever either. */
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { adapterFor } from "../support/clients.ts";
import { onPostgres, openPostgres } from "../support/database.ts";
import { PrismaClient } from "../support/generated/postgresql/client.ts";
import { failureOf } from "../support/runs.ts";
import { openProxy } from "../support/tcp-proxy.ts";

async function openFragile() {
  const db = await openPostgres();
  const proxy = await openProxy(db.url);
  const adapter = adapterFor({ provider: "postgresql", url: proxy.url }, { max: 4 });
  const prisma = new PrismaClient({ adapter, transactionOptions: { maxWait: 500, timeout: 500 } });
  return {
    proxy,
    prisma,
    idempotency: createIdempotency({ prisma }),
    async [Symbol.asyncDispose]() {
      proxy.silent = false;
      await prisma.$disconnect();
      await proxy[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

const unavailable = { code: "STORE_UNAVAILABLE", retryable: true };

describe.runIf(onPostgres)("a server that says nothing", () => {
  it("ends prune(), and the next one deletes", async () => {
    await using setup = await openFragile();
    await setup.idempotency.run({ operation: "o", key: "k", scope: "s" }, async () => 1);
    await setup.prisma.idempotencyRecord.updateMany({ data: { expiresAt: new Date(0) } });
    setup.proxy.silent = true;
    expect(await failureOf(setup.idempotency.prune())).toMatchObject(unavailable);
    setup.proxy.silent = false;
    await setup.idempotency.prune();
    expect(await setup.prisma.idempotencyRecord.count()).toBe(0);
  });

  it.each([
    ["from the start", /^BEGIN/],
    ["as it is asked for the tables", /pg_attribute/],
    ["as it is asked what it is", /pg_is_in_recovery/],
  ])("ends check(), %s", async (_, statement) => {
    await using setup = await openFragile();
    await setup.idempotency.check();
    const silent = setup.proxy.intercept(statement, "before");
    expect(await failureOf(setup.idempotency.check())).toMatchObject(unavailable);
    silent.release();
    expect(await setup.idempotency.check()).toEqual([]);
  });
});
