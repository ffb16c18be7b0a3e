import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import { databases } from "../support/database.ts";
import { door, idempotencyOf, orderOf, request, warningsDuring } from "../support/runs.ts";
import { account, accountIds, application, Undo, undo } from "./support.ts";

describe.each(databases)("where a handler ends, on $name", ({ open }) => {
  it("work that outlives it gets an error, and writes nowhere", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const after = door();
    const late: Promise<unknown>[] = [];
    await idempotency.run(request("k"), async () => {
      const write = (work: () => PromiseLike<unknown>) => late.push(after.wait().then(() => work()));
      write(() => prisma.account.create(account("model")));
      write(() => prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('raw', 1)`);
      write(() => prisma.$transaction([prisma.account.create(account("batch"))]));
      write(() => prisma.$transaction(async (tx) => tx.account.create(account("transaction"))));
      write(() => prisma.account.count());
      await prisma.account.create(account("in time"));
    });
    after.open();
    for (const { status, reason } of (await Promise.allSettled(late)) as PromiseRejectedResult[]) {
      expect([status, reason.name]).toEqual(["rejected", "TransactionOverError"]);
      expect(String(reason)).toContain("afterCommit");
    }
    expect(late).toHaveLength(5);
    expect(await accountIds(database)).toEqual(["in time"]);
    // The caller is not in the handler, nor is a later run.
    await prisma.account.create(account("outside"));
    await idempotency.run(request("l"), async () => void (await prisma.account.create(account("later"))));
    expect(await accountIds(database)).toEqual(["in time", "later", "outside"]);
  });

  it("work that outlives a handler that failed or timed out gets an error, and writes nowhere", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const after = door();
    let late: Promise<unknown> | undefined;
    const failing = idempotency.run(request("k"), async () => {
      late = after.wait().then(async () => prisma.account.create(account("late")));
      return undo();
    });
    await expect(failing).rejects.toBeInstanceOf(Undo);
    after.open();
    await expect(late).rejects.toMatchObject({ name: "TransactionOverError" });
    const slow = idempotency.run(request("k", { transaction: { timeoutMs: 100 } }), async () => {
      await prisma.account.create(account("slow"));
      await sleep(1_500);
      await prisma.account.create(account("after its time"));
    });
    await expect(slow).rejects.toMatchObject({ code: "P2028" });
    expect(await accountIds(database)).toEqual([]);
  });

  it("afterCommit runs outside, and writes by itself", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async ({ afterCommit }) => {
      await prisma.account.create(account("inside"));
      afterCommit(async () => {
        expect(await accountIds(database)).toEqual(["inside"]);
        await prisma.account.create(account("after"));
        await idempotency.run(request("l"), async () => void (await prisma.account.create(account("run"))));
      });
    });
    expect(await accountIds(database)).toEqual(["after", "inside", "run"]);
  });

  it("a waiting duplicate and a replay are outside", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const inside = door();
    const place = async () => {
      await prisma.order.create({ data: orderOf("k") });
      await inside.wait();
      return prisma.order.count();
    };
    const first = idempotency.run(request("k"), place);
    await inside.arrived;
    const duplicate = idempotency.run(request("k"), place);
    inside.open();
    expect([await first, await duplicate].map(({ value }) => value)).toEqual([1, 1]);
    await prisma.account.create(account("outside"));
    expect(await accountIds(database)).toEqual(["outside"]);
  });
});

describe.each(databases)("a leased run on $name", ({ open }) => {
  it("has the ambient client join inside its transactions, and nowhere else", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const leased = (end: () => Promise<unknown>) =>
      idempotency.runLeased(request("k"), async ({ step, transaction }) => {
        await step("outside", async () => {
          await prisma.account.create(account("step"));
        });
        await transaction("inside", async () => {
          await prisma.$transaction([prisma.account.create(account("transaction"))]);
          await end();
        });
        await prisma.account.create(account("handler"));
      });
    await expect(leased(undo)).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual(["step"]);
    await leased(async () => {});
    expect(await accountIds(database)).toEqual(["handler", "step", "transaction"]);
  });
});

describe.each(databases)("a run inside a handler on $name", ({ open }) => {
  it.each(["run", "runLeased"] as const)(
    "by %s is refused at once, names both, and undoes the outer",
    async (run) => {
      await using database = await open();
      const { prisma, idempotency } = application(database.prisma);
      const outer = idempotency.run(request("k"), async () => {
        await prisma.account.create(account("outer"));
        // The same key would wait for itself.
        return idempotency[run](request("k", { operation: "inner" }), async () => "never");
      });
      await expect(outer).rejects.toThrow(
        "inner was run inside the handler of orders.place, whose transaction is open",
      );
      await expect(outer).rejects.toBeInstanceOf(TypeError);
      expect(await accountIds(database)).toEqual([]);
      expect(await database.query("SELECT id FROM idempotency_record")).toEqual([]);
    },
  );

  it("is refused in the transaction of a leased run, and free in its steps", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const inner = () =>
      idempotency.run(request("inner"), async () => void (await prisma.account.create(account("inner"))));
    await idempotency.runLeased(request("k"), async ({ step, transaction }) => {
      await expect(transaction("inside", inner)).rejects.toBeInstanceOf(TypeError);
      await step("outside", inner);
    });
    expect(await accountIds(database)).toEqual(["inner"]);
  });

  it("without a key is a part of it: undone alone, and its callbacks wait for the COMMIT", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const told: string[] = [];
    const inner = (id: string, end: () => Promise<unknown> = async () => {}) =>
      idempotency.runUnkeyed(async ({ tx, afterCommit }) => {
        afterCommit(async () => told.push(`${id} with ${(await accountIds(database)).join()}`));
        await tx.account.create(account(id));
        await end();
      });
    await idempotency.run(request("k"), async () => {
      await prisma.account.create(account("outer"));
      await inner("a");
      await expect(inner("b", undo)).rejects.toBeInstanceOf(Undo);
      expect(told).toEqual([]);
    });
    expect(told).toEqual(["a with a,outer"]);
    const undone = idempotency.run(request("l"), async () => {
      await inner("c");
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(told).toHaveLength(1);
    await idempotency.runLeased(request("m"), async ({ transaction }) => transaction("t", () => inner("d")));
    expect(told).toEqual(["a with a,outer", "d with a,d,outer"]);
  });

  it("of another database is a run of its own, in which the outer one's client still joins the outer", async () => {
    await using database = await open();
    await using elsewhere = await open();
    const { prisma, idempotency } = application(database.prisma);
    const other = application(elsewhere.prisma);
    const undone = idempotency.run(request("k"), async () => {
      await other.idempotency.run(request("k"), async () => {
        await other.prisma.account.create(account("other"));
        await prisma.$transaction([prisma.account.create(account("outer"))]);
        expect(await prisma.account.count()).toBe(1);
      });
      return undo();
    });
    await expect(undone).rejects.toBeInstanceOf(Undo);
    expect(await accountIds(database)).toEqual([]);
    expect(await accountIds(elsewhere)).toEqual(["other"]);
  });

  it.each(["run", "runLeased", "runUnkeyed"] as const)(
    "%s, begun by what outlived a nested transaction of it, is refused and writes nothing",
    async (method) => {
      await using database = await open();
      const { prisma, idempotency } = application(database.prisma);
      const run = idempotency.run(request("k"), async () => {
        const over = door();
        let late: Promise<unknown> | undefined;
        await prisma.$transaction(async () => {
          const begin = {
            run: async () =>
              idempotency.run(request("other"), async ({ tx }) => tx.account.create(account("a"))),
            runLeased: async () =>
              idempotency.runLeased(request("other"), async ({ transaction }) =>
                transaction("a", async ({ tx }) => tx.account.create(account("a"))),
              ),
            runUnkeyed: async () => idempotency.runUnkeyed(async ({ tx }) => tx.account.create(account("a"))),
          }[method];
          late = over.wait().then((): Promise<unknown> => begin());
        });
        over.open();
        await expect(late).rejects.toThrow(
          method === "runUnkeyed"
            ? "after the handler of its transaction had ended"
            : "inside the handler of",
        );
        return undo();
      });
      await expect(run).rejects.toBeInstanceOf(Undo);
      expect(await accountIds(database)).toEqual([]);
    },
  );

  it("begun by what outlived a handler is a run of its own", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const after = door();
    let late: Promise<unknown> | undefined;
    await idempotency.run(request("k"), async () => {
      late = after
        .wait()
        .then(() =>
          idempotency.run(request("l"), async () => void (await prisma.account.create(account("l")))),
        );
    });
    after.open();
    await late;
    expect(await accountIds(database)).toEqual(["l"]);
  });
});

describe.each(databases)("withAmbientTransaction on $name", ({ open }) => {
  it("returns a client that is ambient already, also one extended from such", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma);
    expect(withAmbientTransaction(prisma)).toBe(prisma);
    const more = prisma.$extends({ name: "more" });
    expect(withAmbientTransaction(more as never)).toBe(more);
  });

  it("refuses what is no client, and options it does not know, and says what to give", async () => {
    await using database = await open();
    const give = (prisma: unknown, options?: object) => () =>
      withAmbientTransaction(prisma as never, options);
    expect(give(undefined)).toThrow(
      new TypeError(
        "onceonly: option (the first argument) is of type undefined; give your generated PrismaClient, not one of its transactions.",
      ),
    );
    await database.prisma.$transaction(async (tx) => {
      expect(give(tx)).toThrow(
        /option \(the first argument\) is a transaction of Prisma's; give your generated PrismaClient/,
      );
    });
    expect(give(database.prisma, { guard: "loud" })).toThrow(
      /option guard .*"loud".* "off" or "warn" or "throw"/,
    );
    expect(give(database.prisma, "throw" as never)).toThrow('an object such as { guard: "throw" }');
  });

  it("leaves a client of another database alone: it writes there at once, and the guard reports it", async () => {
    await using database = await open();
    await using elsewhere = await open();
    const other = withAmbientTransaction(elsewhere.prisma, { guard: "warn" });
    const idempotency = idempotencyOf(database.prisma);
    const warnings = await warningsDuring(async () => {
      const undone = idempotency.run(request("k"), async () => {
        await other.account.create(account("other"));
        return undo();
      });
      await expect(undone).rejects.toBeInstanceOf(Undo);
    });
    expect(warnings.map(String).join()).toMatch(
      /Account\.create at .*scope\.test\.ts:\d+:\d+, through another client than that of the transaction/,
    );
    expect(await accountIds(elsewhere)).toEqual(["other"]);
  });
});
