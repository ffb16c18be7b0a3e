import { AsyncResource } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { savepointName } from "../../src/prisma/client/savepoint.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { door, request } from "../support/runs.ts";
import { account, accountIds, application, Undo, undo } from "./support.ts";

describe.each(databases)("a nested transaction in a handler on $name", ({ name, open }) => {
  it("that fails undoes its own writes only, and the handler goes on", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async () => {
      await prisma.account.create(account("before"));
      const failed = prisma.$transaction(async (tx) => {
        await tx.account.create(account("through tx"));
        await prisma.account.create(account("through the client"));
        return undo();
      });
      await expect(failed).rejects.toBeInstanceOf(Undo);
      const batch = prisma.$transaction([
        prisma.account.create(account("first")),
        prisma.account.create(account("before")), // There already.
      ]);
      await expect(batch).rejects.toMatchObject({ code: "P2002" });
      await prisma.account.create(account("after"));
    });
    expect(await accountIds(database)).toEqual(["after", "before"]);
  });

  it("gives what it is made of: a function's value, an array's values in order", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const { value } = await idempotency.run(request("k"), async () => {
      const batch = await prisma.$transaction([
        prisma.account.create(account("a", 7)),
        prisma.account.count(),
        prisma.$executeRaw`UPDATE "Account" SET balance = 8`,
        prisma.account.findUniqueOrThrow({ where: { id: "a" } }),
      ]);
      return { batch, nested: await prisma.$transaction(async () => "value") };
    });
    expect(value).toMatchObject({ batch: [{ id: "a", balance: 7 }, 1, 1, { balance: 8 }], nested: "value" });
  });

  it("may stand in another, at any depth, and each undoes its own", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const fails = (depth: number): Promise<unknown> =>
      prisma.$transaction(async () => {
        await prisma.account.create(account(`fails ${depth}`));
        return undo();
      });
    const nest = (depth: number): Promise<unknown> =>
      prisma.$transaction(async () => {
        await prisma.account.create(account(`kept ${depth}`));
        if (depth < 3) await nest(depth + 1);
        await fails(depth).catch(() => {});
      });
    await idempotency.run(request("k"), async () => void (await nest(1)));
    expect(await accountIds(database)).toEqual(["kept 1", "kept 2", "kept 3"]);
  });

  it("runs after the one before it, as by Promise.all, which Prisma itself refuses", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    let inside = 0;
    let insideMax = 0;
    const service = (id: string, end: () => Promise<unknown>) =>
      prisma.$transaction(async (tx) => {
        inside += 1;
        insideMax = Math.max(insideMax, inside);
        await tx.account.create(account(id));
        await prisma.$transaction([prisma.account.create(account(`${id} too`))]);
        inside -= 1;
        await end();
      });
    await idempotency.run(request("k"), async () => {
      const ended = await Promise.allSettled([
        service("a", async () => {}),
        service("b", undo),
        service("c", async () => {}),
        service("d", undo),
      ]);
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    });
    expect(insideMax).toBe(1);
    expect(await accountIds(database)).toEqual(["a", "a too", "c", "c too"]);
  });

  it("does not undo what was written beside it, nor shows what it undoes: statements wait for its end", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async ({ tx }) => {
      const inside = door();
      const nested = prisma.$transaction(async () => {
        await prisma.account.create(account("nested"));
        await inside.wait();
        return undo();
      });
      await inside.arrived;
      const beside = [
        prisma.account.create(account("beside, client")).then((row) => row),
        tx.account.create(account("beside, tx")).then((row) => row),
        prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('beside, raw', 1)`.then((n) => n),
      ];
      const seen = prisma.account.findMany({ where: { id: "nested" } }).then((rows) => rows);
      inside.open();
      await expect(nested).rejects.toBeInstanceOf(Undo);
      await Promise.all(beside);
      expect(await seen).toEqual([]);
    });
    expect(await accountIds(database)).toEqual(["beside, client", "beside, raw", "beside, tx"]);
  });

  it("begins after the writes that were sent before it", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async () => {
      const ended = await Promise.allSettled([
        // Several statements each.
        ...["a", "b", "c"].map((id) =>
          prisma.account.upsert({ where: { id }, create: { id, balance: 1 }, update: {} }),
        ),
        prisma.$transaction(undo),
        prisma.$transaction([prisma.account.delete({ where: { id: "not there" } })]),
      ]);
      expect(ended.map(({ status }) => status)).toEqual([
        "fulfilled",
        "fulfilled",
        "fulfilled",
        "rejected",
        "rejected",
      ]);
    });
    expect(await accountIds(database)).toEqual(["a", "b", "c"]);
  });

  it("is closed to what it did not await", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    let late: Promise<unknown> | undefined;
    await idempotency.run(request("k"), async () => {
      const after = door();
      await prisma.$transaction(async () => {
        late = (async () => {
          await after.wait();
          await prisma.account.create(account("late"));
        })();
      });
      after.open();
      await expect(late).rejects.toMatchObject({ name: "TransactionOverError" });
      await prisma.account.create(account("in time"));
    });
    expect(await accountIds(database)).toEqual(["in time"]);
  });

  it("may ask for an isolation that the transaction has, and is told how to get a stronger one", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const asking = (isolationLevel: "ReadCommitted" | "RepeatableRead" | "Serializable") => async () =>
      prisma.$transaction(async () => isolationLevel, { isolationLevel });
    const run = async (key: string, work: () => Promise<string>, isolationLevel?: string) => {
      const transaction = isolationLevel === undefined ? {} : { isolationLevel };
      return (await idempotency.run(request(key, { transaction }), work)).value;
    };
    // The level that a server of MariaDB has by default is not known.
    const [given, known] =
      name === "mariadb" ? ["ReadCommitted", "ReadUncommitted"] : [undefined, "ReadCommitted"];
    expect(await run("a", asking("ReadCommitted"), given)).toBe("ReadCommitted");
    expect(await run("b", asking("Serializable"), "Serializable")).toBe("Serializable");
    expect(await run("c", asking("RepeatableRead"), "Serializable")).toBe("RepeatableRead");
    const stronger = run("d", asking("RepeatableRead"));
    if (name === "sqlite") {
      expect(await stronger).toBe("RepeatableRead");
    } else {
      await expect(stronger).rejects.toThrow(
        `asks for isolationLevel "RepeatableRead", but the transaction it joins guarantees only "${known}"; ` +
          'give the run transaction: { isolationLevel: "RepeatableRead" }',
      );
    }
  });

  it("that awaits a statement from outside of it waits for itself, as the error says", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const transaction = { timeoutMs: 500, maxWaitMs: 2_000 };
    const run = idempotency.run(request("k", { transaction }), async () => {
      const inHandler = AsyncResource.bind(<T>(work: () => T): T => work());
      await prisma.$transaction(async () => inHandler(async () => prisma.account.count()));
    });
    await expect(run).rejects.toThrow("A transaction nested in it was still under way");
  });

  it("whose failure ended the whole transaction leaves nothing, and nothing can be written after it", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const ending = {
      sqlite: `INSERT OR ROLLBACK INTO "Account" VALUES ('before', 0, 0)`,
      postgresql: `RELEASE SAVEPOINT ${savepointName(1)}`,
      mariadb: `RELEASE SAVEPOINT ${savepointName(1)}`,
    }[name];
    const later: unknown[] = [];
    const run = idempotency.run(request("k"), async () => {
      await prisma.account.create(account("before"));
      const failed = prisma.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(ending);
        return undo();
      });
      await failed.catch(() => {});
      later.push(await prisma.account.create(account("after")).catch((error: unknown) => error));
      later.push(await prisma.$transaction([prisma.account.count()]).catch((error: unknown) => error));
      return "told as done";
    });
    const lost = expect.objectContaining({
      message: expect.stringContaining("this transaction is lost"),
      cause: expect.objectContaining({ message: expect.stringMatching(/savepoint|closed/i) }),
    });
    await expect(run).rejects.toEqual(lost);
    expect(later).toEqual([lost, lost]);
    expect(await accountIds(database)).toEqual([]);
    expect((await idempotency.run(request("k"), async () => "retried")).value).toBe("retried");
  });

  it("takes statements that are not yet sent, as Prisma's does", async () => {
    await using database = await open();
    const { prisma, idempotency } = application(database.prisma);
    const sent = idempotency.run(request("k"), async () =>
      prisma.$transaction([Promise.resolve(1) as never, prisma.account.count()]),
    );
    await expect(sent).rejects.toThrow(
      /\$transaction got an array with an element that is not an unsent statement/,
    );
  });
});

const aborting = databases.filter(({ name }) => name === "postgresql");

describe.runIf(onPostgres)("a call without a key in a handler", () => {
  it("that asks for an isolation that the transaction may not have is told so, and not to retry", async () => {
    await using database = await openPostgres();
    const { idempotency } = application(database.prisma);
    const run = idempotency.run(request("k"), async () =>
      idempotency.runUnkeyed(async () => 1, { transaction: { isolationLevel: "Serializable" } }),
    );
    await expect(run).rejects.toThrow(TypeError);
  });
});

describe.each(aborting)(
  "a nested transaction in a handler on $name, where a failed statement aborts it,",
  ({ open }) => {
    it("in which a statement failed unseen is undone, not half kept", async () => {
      await using database = await open();
      const { prisma, idempotency } = application(database.prisma);
      await idempotency.run(request("k"), async () => {
        await prisma.account.create(account("a"));
        const swallowing = prisma.$transaction(async () => {
          await prisma.account.create(account("b"));
          await prisma.account.create(account("a")).catch(() => {});
          return "told as done";
        });
        await expect(swallowing).rejects.toThrow(/aborted/);
      });
      expect(await accountIds(database)).toEqual(["a"]);
    });
  },
);

describe.each(databases)("a nested transaction begun on tx on $name", ({ open }) => {
  it("runs after the one before it, and undoes only its own writes", async () => {
    await using database = await open();
    const { idempotency } = application(database.prisma);
    await idempotency.run(request("k"), async ({ tx }) => {
      await Promise.allSettled([
        tx.$transaction(async (inner) => inner.account.create(account("a"))),
        tx.$transaction(async (inner) => {
          await inner.account.create(account("b"));
          return undo();
        }),
        tx.account.create(account("c")),
      ]);
    });
    expect(await accountIds(database)).toEqual(["a", "c"]);
  });
});
