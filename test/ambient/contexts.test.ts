import { AsyncResource } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { door, request } from "../support/runs.ts";
import { account, accountIds, application, Undo, undo } from "./support.ts";

/** Made here, which is in no handler. */
const outside = AsyncResource.bind(<T>(work: () => T): T => work());

type Send = () => Promise<unknown>;

type Sender = (send: Send) => Promise<unknown>;

/** From a loop that is in no handler. */
function fromOutside(): Sender {
  return async (send) =>
    new Promise((resolve, reject) => outside(() => setImmediate(() => void send().then(resolve, reject))));
}

/** At most two at a time. What has to wait is sent in the context of whoever made room. */
function twoAtATime(): Sender {
  const waiting: (() => void)[] = [];
  let busy = 0;
  return async (send) =>
    new Promise((resolve, reject) => {
      const start = () => {
        busy += 1;
        const ended = send().finally(() => {
          busy -= 1;
          waiting.shift()?.();
        });
        ended.then(resolve, reject);
      };
      if (busy < 2) start();
      else waiting.push(start);
    });
}

/** All that wait, when `send` is called. */
function whenTold(): { sender: Sender; send: () => void } {
  const waiting: (() => void)[] = [];
  return {
    sender: async (send) =>
      new Promise((resolve, reject) => {
        waiting.push(() => void send().then(resolve, reject));
      }),
    send() {
      for (const start of waiting.splice(0)) start();
    },
  };
}

/** A client whose extension has each query sent by `sender`. */
function sentBy(sender: Sender, client: TestClient): TestClient {
  return client.$extends({
    query: { $allModels: { $allOperations: ({ args, query }) => sender(async () => query(args)) } },
  }) as unknown as TestClient;
}

describe.each(databases)("an extension that sends from another context, on $name,", ({ open }) => {
  const setUp = (database: TestDatabase, sender = fromOutside()) => {
    const prisma = withAmbientTransaction(sentBy(sender, database.prisma));
    return { prisma, idempotency: createIdempotency({ prisma, guard: "throw" }) };
  };

  it("writes in the handler's transaction, as the guard sees, and what is not awaited cannot undo it", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    await prisma.account.create(account("there"));
    const run = idempotency.run(request("k"), async () => {
      await prisma.account.create(account("a"));
      // Fails, and on PostgreSQL takes the transaction with it: the run may not say that it succeeded.
      void prisma.account.create(account("there")).catch(() => {});
      return "answer";
    });
    const [ended] = await Promise.allSettled([run]);
    const isThere = ended.status === "fulfilled";
    expect(await accountIds(database)).toEqual(isThere ? ["a", "there"] : ["there"]);
    expect(await database.query("SELECT status FROM idempotency_record")).toEqual(
      isThere ? [{ status: "completed" }] : [],
    );
  });

  it("leaves statements from outside of a nested transaction waiting for its end", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    await idempotency.run(request("k"), async () => {
      const { wait, arrived, open: end } = door();
      const nested = prisma.$transaction(async (tx) => {
        await tx.account.create(account("inside"));
        await prisma.account.create(account("inside too"));
        await wait();
        return undo();
      });
      const undone = nested.then(
        () => false,
        (error: unknown) => error instanceof Undo,
      );
      await arrived;
      const beside = prisma.account.create(account("beside")).then(() => true);
      setImmediate(end);
      expect(await undone).toBe(true);
      expect(await beside).toBe(true);
    });
    expect(await accountIds(database)).toEqual(["beside"]);
  });

  it("writes inside a nested transaction by the tx of the handler around it", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database);
    const { value } = await idempotency.run(request("k"), async ({ tx }) =>
      prisma.$transaction(async () => (await tx.account.create(account("a"))).id),
    );
    expect([value, await accountIds(database)]).toEqual(["a", ["a"]]);
  });

  it("sends a statement from outside of a nested transaction there, also from the context of that", async () => {
    await using database = await open();
    const { sender, send } = whenTold();
    const { prisma, idempotency } = setUp(database, sender);
    const ended = await idempotency.run(request("k"), async ({ tx }) => {
      const { wait, arrived, open: goOn } = door();
      const nested = prisma.$transaction(async () => {
        await wait();
        send();
        return undo();
      });
      await arrived;
      const written = [prisma, tx].map(async ({ account: accounts }, n) => accounts.create(account(`${n}`)));
      setImmediate(goOn);
      return Promise.all([nested.catch(() => "undone"), ...written]);
    });
    expect(ended.value).toMatchObject(["undone", { id: "0" }, { id: "1" }]);
    expect(await accountIds(database)).toEqual(["0", "1"]);
  });

  it("sends in each run's own transaction, of many at a time", async () => {
    await using database = await open();
    const { prisma, idempotency } = setUp(database, twoAtATime());
    const transaction = { maxWaitMs: 20_000, timeoutMs: 20_000 };
    const runs = Array.from({ length: 40 }, async (_, n) =>
      idempotency.run(request(`k${n}`, { transaction }), async () => {
        await prisma.account.create(account(`${n} a`));
        await Promise.all([
          prisma.account.create(account(`${n} b`)),
          prisma.account.create(account(`${n} c`)),
        ]);
        if (n % 2 === 0) await undo();
      }),
    );
    const ended = await Promise.allSettled(runs);
    expect(ended.map(({ status }) => status)).toEqual(
      ended.map((_, n) => (n % 2 === 0 ? "rejected" : "fulfilled")),
    );
    const kept = Array.from({ length: 20 }, (_, n) => ["a", "b", "c"].map((row) => `${n * 2 + 1} ${row}`));
    expect(await accountIds(database)).toEqual(kept.flat().toSorted());
  });
});

describe.each(databases)("a statement made in a handler on $name", ({ open }) => {
  const over = { name: "TransactionOverError" };

  it("is not sent by a batch after the handler's end", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const made: (() => unknown)[] = [
      () => prisma.account.create(account("ambient")),
      () => prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('raw', 1)`,
    ];
    const left: unknown[] = [];
    const run = idempotency.run(request("k"), async ({ tx }) => {
      left.push(...made.map((make) => make()), tx.account.create(account("tx")));
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    for (const statement of left) {
      for (const client of [prisma, database.prisma]) {
        const batch = client.$transaction([client.account.create(account("batch")), statement as never]);
        await expect(batch).rejects.toMatchObject(over);
      }
    }
    expect(await accountIds(database)).toEqual([]);
  });

  it("is not sent by a batch elsewhere while the handler runs", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async () => {
      for (const client of [database.prisma, prisma]) {
        const statement = prisma.account.create(account("a"));
        await expect(outside(() => client.$transaction([statement]))).rejects.toThrow(
          "Call that $transaction in the handler too",
        );
      }
    });
    expect(await accountIds(database)).toEqual([]);
  });

  it("may be awaited again after the handler's end, when it was sent before", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    let statement: PromiseLike<{ id: string }> | undefined;
    await idempotency.run(request("k"), async ({ tx }) => {
      statement = tx.account.create(account("a"));
      await statement;
      await prisma.account.count();
    });
    expect((await statement)?.id).toBe("a");
  });

  it("of several statements is done when a nested transaction begins, whose end would undo the rest of it", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async () => {
      // Reads, and then inserts, as the ids differ.
      const beside = prisma.account
        .upsert({ where: { id: "a" }, create: { id: "b", balance: 1 }, update: {} })
        .then(({ id }) => id);
      const nested = prisma.$transaction(async () => {
        await beside;
        return undo();
      });
      await expect(nested).rejects.toBeInstanceOf(Undo);
      expect(await beside).toBe("b");
    });
    expect(await accountIds(database)).toEqual(["b"]);
  });
});

describe.each(databases)("two databases on $name", ({ open }) => {
  it("a run on the one inside a run on the other keeps its handler in the extensions of the other's client", async () => {
    await using first = await open();
    await using second = await open();
    const other = application(second.prisma);
    const prisma = withAmbientTransaction(
      first.prisma.$extends({
        query: {
          account: {
            async create({ args, query }) {
              const row = await query(args);
              await other.prisma.account.create(account("audit"));
              return row;
            },
          },
        },
      }) as unknown as TestClient,
    );
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    await idempotency.run(request("k"), async () => {
      const inner = other.idempotency.run(request("l"), async () => {
        await prisma.account.create(account("a"));
        return undo();
      });
      await expect(inner).rejects.toBeInstanceOf(Undo);
    });
    expect([await accountIds(first), await accountIds(second)]).toEqual([["a"], []]);
  });

  it("the tx of a run inside a run on the other database joins both transactions from a listener that another context calls", async () => {
    await using first = await open();
    await using second = await open();
    const outer = application(first.prisma);
    const prisma = withAmbientTransaction(second.prisma).$extends({
      client: {
        async writeBoth(id: string) {
          await (this as unknown as TestClient).account.create(account(id));
          await outer.prisma.account.create(account(id));
        },
      },
    });
    const inner = createIdempotency({ prisma, guard: "throw" });
    const { wait, open: go } = door();
    let write: (() => Promise<void>) | undefined;
    // In no handler, whenever it goes on.
    const elsewhere = wait().then(() => write?.());
    const run = outer.idempotency.run(request("k"), async () => {
      await inner.run(request("l"), async ({ tx }) => {
        write = async () => tx.writeBoth("a");
        go();
        await elsewhere;
      });
      return undo();
    });
    await expect(run).rejects.toBeInstanceOf(Undo);
    expect([await accountIds(first), await accountIds(second)]).toEqual([[], ["a"]]);
  });
});
