import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/handler/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { Prisma } from "../support/generated/postgresql/client.ts";
import { account, undo } from "./ambient-support.ts";
import { door, request } from "./helpers.ts";

const ids = async (database: TestDatabase) =>
  (await database.query('SELECT id FROM "Account" ORDER BY id')).map(({ id }) => id);

// Extensions are `any` here: each has types of its own, and what is asked is what they do.

/** Row-level security in the manner of Prisma's example, for raw queries as well. */
const secured = (client: TestClient): TestClient =>
  withAmbientTransaction(client).$extends((ambient: any) =>
    ambient.$extends({
      query: {
        async $allOperations({ args, query }: any) {
          const [, result] = await ambient.$transaction([ambient.$executeRaw`SELECT 1`, query(args)]);
          return result;
        },
      },
    }),
  ) as unknown as TestClient;

describe.each(databases)("an extension that sends more than it is asked for, on $name,", ({ name, open }) => {
  it("is not in the way of a run", async () => {
    await using database = await open();
    const prisma = secured(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "off" });
    const { value } = await idempotency.run(request("k"), async () => {
      await prisma.account.create(account("a"));
      return 1;
    });
    expect(value).toBe(1);
    expect(await ids(database)).toEqual(["a"]);
    expect((await idempotency.run(request("k"), async () => 2)).value).toBe(1);
  });

  it("is not in the way of a claim that takes over", async () => {
    await using database = await open();
    const prisma = secured(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "off", transaction: { timeoutMs: 1500 } });
    await idempotency.run(request("k"), async () => 1);
    await database.query(
      `UPDATE idempotency_record SET expires_at = ${name === "sqlite" ? "'2020-01-01T00:00:00.000+00:00'" : "'2020-01-01'"}`,
    );
    const first = await idempotency
      .run(request("k"), async () => undo())
      .then(
        () => "ok",
        (e: Error) => e.message,
      );
    const recs = await database.query("SELECT status, attempt FROM idempotency_record");
    const again = await idempotency
      .run(request("k"), async () => 3)
      .then(
        (r) => r,
        (e: Error) => e.message,
      );
    expect({ first, recs, again }).toEqual({
      first: "",
      recs: [{ status: "completed", attempt: expect.anything() }],
      again: { value: 3, replayed: false },
    });
  });

  it("is not in the way where our writes go through the client", async () => {
    await using database = await open();
    await database.prisma.account.count();
    const prisma = secured(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "off", transaction: { timeoutMs: 1500 } });
    const first = await idempotency
      .run(request("k"), async () => undo())
      .then(
        () => "ok",
        (e: Error) => e.message,
      );
    const recs = await database.query("SELECT status, attempt FROM idempotency_record");
    const again = await idempotency
      .run(request("k"), async () => 3)
      .then(
        (r) => r,
        (e: Error) => e.message,
      );
    expect({ first, recs, again }).toEqual({ first: "", recs: [], again: { value: 3, replayed: false } });
  });

  it("keeps raw queries and nested transactions in the transaction", async () => {
    await using database = await open();
    const prisma = secured(database.prisma);
    const idempotency = createIdempotency({ prisma, guard: "off", transaction: { timeoutMs: 1500 } });
    const run = idempotency.run(request("k"), async () => {
      await prisma.$executeRaw`INSERT INTO "Account" (id, balance) VALUES ('r', 1)`;
      await prisma.$transaction(async (tx) => void (await tx.account.create(account("n"))));
      return 1;
    });
    expect((await run).value).toBe(1);
    expect(await ids(database)).toEqual(["n", "r"]);
  });

  it("that is for models holds for tx as for the client", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(database.prisma).$extends((ambient: any) =>
      ambient.$extends({
        query: {
          $allModels: {
            async $allOperations({ args, query }: any) {
              const [, result] = await ambient.$transaction([ambient.$executeRaw`SELECT 1`, query(args)]);
              return result;
            },
          },
        },
      }),
    ) as unknown as TestClient;
    const idempotency = createIdempotency({ prisma, guard: "throw", transaction: { timeoutMs: 1500 } });
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
    const end = await run.then(
      () => "",
      (e: Error) => e.constructor.name + e.message,
    );
    expect({ end, ids: await ids(database) }).toEqual({ end: "Undo", ids: [] });
  });

  it("own methods on tx wait for a nested transaction beside them", async () => {
    await using database = await open();
    const prisma = withAmbientTransaction(
      database.prisma.$extends({
        model: {
          account: {
            async open(id: string) {
              return (this as any).create(account(id));
            },
          },
        },
      }) as unknown as TestClient,
    );
    const idempotency = createIdempotency({ prisma, guard: "throw" });
    const told: string[] = [];
    const inside = door();
    await idempotency.run(request("k"), async ({ tx }) => {
      const nested = prisma
        .$transaction(async (inner) => {
          await inner.account.create(account("n"));
          await inside.wait();
          throw new Error("undo nested");
        })
        .catch(() => {});
      await inside.arrived;
      const opened = (tx.account as any).open("a").then(() => told.push("a written"));
      await Promise.race([opened, sleep(500)]);
      inside.open();
      await Promise.all([nested, opened]);
    });
    expect(told).toEqual(["a written"]);
    expect(await ids(database)).toEqual(["a"]);
  });

  it("own methods on tx are refused after the handler's end", async () => {
    await using database = await open();
    const prisma = database.prisma.$extends({
      model: {
        account: {
          async open(id: string) {
            return (this as any).create(account(id));
          },
        },
      },
    }) as unknown as TestClient;
    let escaped: any;
    let late: unknown;
    const idempotency = createIdempotency({
      prisma,
      guard: "throw",
      codec: {
        name: "x",
        // Between the handler's end and the storing of its result.
        encode: (v: unknown) => {
          late = escaped.account.open("late").then(
            () => "written",
            (e: Error) => e.name,
          );
          return JSON.stringify(v);
        },
        decode: (t: string) => JSON.parse(t),
      } as never,
    });
    await idempotency.run(request("k"), async ({ tx }) => {
      escaped = tx;
      return 1;
    });
    expect(await late).toBe("TransactionOverError");
    expect(await ids(database)).toEqual([]);
  });

  it("own methods find a context that joins", async () => {
    await using database = await open();
    for (const build of [
      (c: TestClient, e: any) => withAmbientTransaction(c.$extends(e) as unknown as TestClient),
      (c: TestClient, e: any) => withAmbientTransaction(c).$extends(e) as unknown as TestClient,
    ]) {
      const ext = {
        model: {
          $allModels: {
            async viaParent(id: string) {
              const ctx: any = Prisma.getExtensionContext(this);
              await ctx.$parent.account.create(account(`${id}p`));
            },
            async viaTransaction(id: string) {
              const ctx: any = Prisma.getExtensionContext(this);
              await ctx.$parent.$transaction(async (tx: any) => tx.account.create(account(`${id}t`)));
              await ctx.$parent.$transaction([
                ctx.$parent.account.create(account(`${id}b`)),
                ctx.create(account(`${id}c`)),
              ]);
            },
          },
        },
        client: {
          async viaClient(this: any, id: string) {
            const ctx: any = Prisma.getExtensionContext(this);
            await ctx.account.create(account(`${id}x`));
            await ctx.$transaction(async (tx: any) => {
              await tx.account.create(account(`${id}y`));
              await ctx.account.create(account(`${id}z`));
            });
          },
        },
      };
      const prisma: any = build(database.prisma, ext);
      const idempotency = createIdempotency({ prisma: prisma as TestClient, guard: "throw" });
      const run = idempotency.run(request("k"), async () => {
        await prisma.account.viaParent("1");
        await prisma.account.viaTransaction("2");
        await prisma.viaClient("3");
        expect(await prisma.account.count()).toBe(7);
        return undo();
      });
      expect(
        await run.then(
          () => "",
          (e: Error) => e.constructor.name + e.message,
        ),
      ).toBe("Undo");
      expect(await ids(database)).toEqual([]);
    }
  });
});
