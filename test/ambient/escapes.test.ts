import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { door, request } from "../support/runs.ts";
import { account, accountIds, application, Undo, undo } from "./support.ts";

describe.each(databases)("what leaves a handler on $name", ({ open }) => {
  it("a promise that a handler returns without awaiting it is sent in its transaction", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    // RESULT_UNSTORABLE: rolled back, whatever the handler wrote
    const run = idempotency.run({ ...request("k"), resultBytesMax: 1 }, () =>
      prisma.account.create(account("a")),
    );
    await expect(run).rejects.toMatchObject({ code: "RESULT_UNSTORABLE" });
    expect(await accountIds(database)).toEqual([]);
  });

  it("a promise that the handler of a call without a key returns is sent in its transaction", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const sizes: unknown[] = [];
    await idempotency.runUnkeyed(() => prisma.account.create(account("a")).then((x) => x));
    await idempotency
      .runUnkeyed(async () => {
        await idempotency.runUnkeyed(() => prisma.account.create(account("b")));
        sizes.push(await prisma.account.count());
        return undo();
      })
      .catch(() => {});
    expect(sizes).toEqual([2]);
    expect(await accountIds(database)).toEqual(["a"]);
  });

  it("a promise that the transaction of a leased run returns is sent in it", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const run = idempotency.runLeased({ ...request("k"), resultBytesMax: 1 }, async ({ transaction }) =>
      transaction("x", () => prisma.account.create(account("a"))),
    );
    await run.catch(() => {});
    expect(await accountIds(database)).toEqual([]);
  });

  it("a promise made in the handler and awaited after its end writes nowhere", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const left: PromiseLike<unknown>[] = [];
    await idempotency.run(request("k"), async () => {
      left.push(prisma.account.create(account("a")));
    });
    const end = await Promise.allSettled(left);
    expect(end[0]).toMatchObject({ status: "rejected", reason: { name: "TransactionOverError" } });
    expect(await accountIds(database)).toEqual([]);
  });

  it("a promise made in one handler and awaited in another writes nowhere", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const left: PromiseLike<unknown>[] = [];
    await idempotency.run(request("k"), async () => {
      left.push(prisma.account.create(account("a")));
    });
    await idempotency.run(request("l"), async () => {
      await Promise.allSettled(left);
    });
    expect(await accountIds(database)).toEqual([]);
  });

  it("a batch in the handler, of promises made before it by the same ambient client, is sent in its transaction", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "off" });
    const made = [prisma.account.create(account("a"))];
    const run = idempotency.run({ ...request("k"), transaction: { timeoutMs: 60_000 } }, async () => {
      await prisma.$transaction(made);
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
  });

  type UseTx = (tx: Pick<TestClient, "account">) => Promise<unknown>;

  it.each<[string, (use: UseTx, prisma: TestClient, tx: Pick<TestClient, "account">) => Promise<unknown>]>([
    ["the handler's tx", (use, _, tx) => use(tx)],
    ["the tx of a nested transaction", (use, prisma) => prisma.$transaction(use)],
  ])("%s is of its transaction also in a listener that another context calls", async (_, within) => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const bus = new EventEmitter();
    const go = door();
    // Outside of any handler: a socket, a queue consumer, ...
    const outside = (async () => {
      await go.wait();
      bus.emit("row", "a");
    })();
    const write: UseTx = async (tx) => {
      const written = new Promise<unknown>((resolve, reject) => {
        bus.once("row", (id: string) => void tx.account.create(account(id)).then(resolve, reject));
      });
      go.open();
      await written;
    };
    const run = idempotency.run(request("k"), async ({ tx }) => {
      await within(write, prisma, tx);
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    await outside;
    expect(await accountIds(database)).toEqual([]);
  });

  it.each([true, false])(
    "afterCommit of a call without a key in a nested transaction is called if that is kept (%s), after the run's COMMIT",
    async (isKept) => {
      await using database = await open();
      const { prisma, idempotency } = application(database.prisma);
      const told: unknown[] = [];
      await idempotency.run(request("k"), async () => {
        const nested = prisma.$transaction(async () => {
          await idempotency.runUnkeyed(async ({ afterCommit, tx }) => {
            await tx.account.create(account("a"));
            afterCommit(async () => told.push(await accountIds(database)));
          });
          if (!isKept) await undo();
        });
        await nested.catch(() => {});
        await prisma.account.create(account("b"));
        expect(told).toEqual([]);
      });
      expect(await accountIds(database)).toEqual(isKept ? ["a", "b"] : ["b"]);
      expect(told).toEqual(isKept ? [["a", "b"]] : []);
    },
  );

  it("a nested transaction that the handler did not await gets an error for its next statement", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const inside = door();
    let nested: Promise<unknown> | undefined;
    const run = idempotency.run(request("k"), async () => {
      nested = prisma.$transaction(async (tx) => {
        await tx.account.create(account("a"));
        await inside.wait();
        await tx.account.create(account("b"));
      });
      nested.catch(() => {});
      await inside.arrived;
      // When this handler has ended.
      setImmediate(inside.open);
      return "answer";
    });
    expect(await run).toEqual({ value: "answer", replayed: false });
    expect(await database.query("SELECT status FROM idempotency_record")).toEqual([{ status: "completed" }]);
    await expect(nested).rejects.toMatchObject({ name: "TransactionOverError" });
    expect(await accountIds(database)).toEqual([]);
  });
});
