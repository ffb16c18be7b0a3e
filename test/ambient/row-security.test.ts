import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { account, accountIds, Undo, undo } from "./support.ts";

/** Row-level security in the manner of Prisma's example: each query in a batch with the setting that it needs. */
function secured(client: TestClient) {
  const ambient = withAmbientTransaction(client);
  return ambient.$extends({
    query: {
      async $allOperations({ args, query }) {
        const [, result] = await ambient.$transaction([ambient.$executeRaw`SELECT 1`, query(args) as never]);
        return result;
      },
    },
  }) as unknown as TestClient;
}

function setUp(database: TestDatabase) {
  const prisma = secured(database.prisma);
  const transaction = { timeoutMs: 60_000 };
  return { prisma, idempotency: createIdempotency({ prisma, guard: "throw", transaction }) };
}

const recordsOf = async (database: TestDatabase) => {
  const rows = await database.query("SELECT status, attempt FROM idempotency_record");
  return rows.map(({ status, attempt }) => [status, Number(attempt)]);
};

describe.each(databases)("an extension that wraps each query in a batch, on $name,", ({ name, open }) => {
  it("lets a run commit and be replayed", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    const place = async () => (await prisma.account.create(account("a"))).id;
    expect(await idempotency.run(request("k"), place)).toEqual({ value: "a", replayed: false });
    expect(await accountIds(database)).toEqual(["a"]);
    expect(await idempotency.run(request("k"), undo)).toEqual({ value: "a", replayed: true });
  });

  it("lets a claim take over an expired record, and be rolled back", async () => {
    await using database = await open();
    const { idempotency } = setUp(database);
    await idempotency.run(request("k"), async () => 1);
    const past = name === "sqlite" ? "2020-01-01T00:00:00.000+00:00" : "2020-01-01";
    await database.query(`UPDATE idempotency_record SET expires_at = '${past}'`);
    await expect(idempotency.run(request("k"), undo)).rejects.toBeInstanceOf(Undo);
    expect(await recordsOf(database)).toEqual([["completed", 1]]);
    expect(await idempotency.run(request("k"), async () => 3)).toEqual({ value: 3, replayed: false });
  });

  it("lets a run whose own writes go through the client commit and roll back", async () => {
    await using database = await open();
    // Connected before we can see its driver.
    await database.prisma.account.count();
    const { idempotency } = setUp(database);
    await expect(idempotency.run(request("k"), undo)).rejects.toBeInstanceOf(Undo);
    expect(await recordsOf(database)).toEqual([]);
    expect(await idempotency.run(request("k"), async () => 3)).toEqual({ value: 3, replayed: false });
  });

  it("keeps raw queries and nested transactions in the handler's transaction", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    const write = async () => {
      await prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('r', 1)`;
      await prisma.$transaction(async (tx) => void (await tx.account.create(account("n"))));
      return prisma.account.count();
    };
    const undone = idempotency.run(request("k"), async () => {
      expect(await write()).toBe(2);
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
    expect((await idempotency.run(request("k"), write)).value).toBe(2);
    expect(await accountIds(database)).toEqual(["n", "r"]);
  });

  it("holds for tx as for the client", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await tx.account.create(account("a"));
      await Promise.all([
        tx.account.create(account("b")),
        prisma.account.create(account("c")),
        tx.account.create(account("d")),
      ]);
      await prisma.$transaction(async (inner) => {
        await tx.account.create(account("e"));
        await inner.account.create(account("f"));
      });
      expect(await tx.account.count()).toBe(6);
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });
});
