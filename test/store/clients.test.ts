import { describe, expect, test } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { databases, onPostgres, openPostgres } from "../support/database.ts";
import { failureOf, idempotencyOf, orderOf, placing, records, request } from "../support/runs.ts";

describe.each(databases)("a client on $name", ({ open }) => {
  test("extended with methods, queries and computed fields gives the handler a transaction that has them", async () => {
    await using db = await open();
    const queries: string[] = [];
    const extended = db.prisma.$extends({
      client: { $hello: () => "hello" },
      model: {
        order: {
          async placeFor(customer: string) {
            const context = this as unknown as typeof db.prisma.order;
            return context.create({ data: { ...orderOf("k"), customer } });
          },
        },
      },
      query: {
        order: {
          create({ args, query }) {
            queries.push("order.create");
            return query(args);
          },
        },
      },
      result: { order: { label: { needs: { item: true }, compute: ({ item }) => `<${item}>` } } },
    });
    const idempotency = createIdempotency({ prisma: extended });
    const run = () =>
      idempotency.run(request("k"), async ({ tx }) => {
        const { id } = await tx.order.placeFor("v");
        return tx.order.findUniqueOrThrow({ where: { id } });
      });
    const [first, second] = [await run(), await run()];
    expect(first.value).toMatchObject({ customer: "v", label: "<book>" });
    expect([second.replayed, second.value.id, second.value.label]).toEqual([true, first.value.id, "<book>"]);
    expect(JSON.stringify(second.value, noBigInt)).toBe(JSON.stringify(first.value, noBigInt));
    expect(queries).toEqual(["order.create"]);
    expect(await db.countOrders({ customer: "v" })).toBe(1);
  });

  test("whose rows have methods is refused clearly: a function cannot be replayed", async () => {
    await using db = await open();
    const extended = db.prisma.$extends({
      result: {
        order: {
          cancel: {
            needs: { id: true },
            compute:
              ({ id }) =>
              () =>
                id,
          },
        },
      },
    });
    const run = createIdempotency({ prisma: extended }).run(request("k"), ({ tx }) =>
      tx.order.create({ data: orderOf("k") }),
    );
    expect(await failureOf(run)).toMatchObject({ code: "RESULT_UNSTORABLE", details: { path: ".cancel" } });
    expect([await db.countOrders(), (await records(db)).length]).toEqual([0, 0]);
  });

  test("that omits a field never stores it, nor replays it", async () => {
    await using db = await open();
    const secret = "the-secret-item";
    const idempotency = idempotencyOf(db.prisma);
    const run = () =>
      idempotency.run(request("k"), ({ tx }) =>
        tx.order.create({ data: { ...orderOf("k"), item: secret }, omit: { item: true } }),
      );
    expect([await run(), await run()].map(({ value }) => "item" in value)).toEqual([false, false]);
    expect(JSON.stringify(await records(db))).not.toContain(secret);
  });

  test("whose query extension sees all operations sees none of our statements changed by it", async () => {
    await using db = await open();
    const operations: string[] = [];
    const extended = db.prisma.$extends({
      query: {
        $allModels: {
          async $allOperations({ operation, args, query }) {
            operations.push(operation);
            return query(args);
          },
        },
      },
    });
    const idempotency = createIdempotency({ prisma: extended });
    const place = placing("k");
    await idempotency.run(request("k"), ({ tx }) => place({ tx: tx as never }));
    expect((await idempotency.run(request("k"), async () => "other")).replayed).toBe(true);
    expect(operations).toEqual(["create"]);
  });

  test("that says nothing of maxWait waits for as long as suits its database", async () => {
    await using db = await open();
    const seen: unknown[] = [];
    // What Prisma has by itself.
    const plain = (await db.connect({ maxWaitMs: 2_000 })).$extends({
      client: {
        $transaction: (_: unknown, options: object) => {
          seen.push(options);
          return Promise.reject(new Error("seen"));
        },
      },
    });
    const idempotency = idempotencyOf(plain as unknown as typeof db.prisma);
    const run = (transaction: object) =>
      expect(idempotency.run(request("k", { transaction }), async () => 1)).rejects.toThrow();
    await run({});
    await run({ maxWaitMs: 300 });
    await run({ maxWaitMs: 2_147_483_647 });
    const usual = db.provider === "sqlite" ? 10_000 : 2_000;
    expect(seen).toEqual([
      expect.objectContaining({ maxWait: usual }),
      expect.objectContaining({ maxWait: 300 }),
      expect.objectContaining({ maxWait: 2_147_483_647 }),
    ]);
  });

  test("that may wait for as long as a timer takes is not at once too late", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma, { transaction: { maxWaitMs: 2_147_483_647 }, outageMs: 0 });
    expect(await idempotency.run(request("k"), async () => 1)).toEqual({ value: 1, replayed: false });
  });

  test("that repeats failed transactions itself runs the handler with a fresh claim, and callbacks once", async () => {
    await using db = await open();
    const repeated: string[] = [];
    let failures = 1;
    const retrying = db.prisma.$extends({
      client: {
        async $transaction(body: (tx: never) => Promise<unknown>, options?: object): Promise<unknown> {
          try {
            return await db.prisma.$transaction(body as never, options);
          } catch {
            repeated.push("again");
            return db.prisma.$transaction(body as never, options);
          }
        },
      },
    });
    const idempotency = idempotencyOf(retrying as unknown as typeof db.prisma);
    const called: string[] = [];
    const work =
      (key: string) =>
      async ({
        tx,
        afterCommit,
      }: {
        tx: typeof db.prisma | Pick<typeof db.prisma, "order">;
        afterCommit: (callback: () => unknown) => void;
      }) => {
        afterCommit(() => called.push(key));
        const { id } = await tx.order.create({ data: orderOf(key) });
        if (failures > 0) {
          failures -= 1;
          throw new Error("first");
        }
        return id;
      };
    const run = await idempotency.run(request("k"), work("keyed"));
    expect((await idempotency.run(request("k"), work("keyed"))).value).toBe(run.value);
    expect([repeated, called, await db.countOrders()]).toEqual([["again"], ["keyed"], 1]);
    failures = 1;
    await idempotency.runUnkeyed(work("unkeyed"));
    expect([repeated.length, called, await db.countOrders()]).toEqual([2, ["keyed", "unkeyed"], 2]);
  });

  test("with a log and time-outs of its own is used with them", async () => {
    await using db = await open();
    const statements: string[] = [];
    const client = await db.connect({ log: (text) => statements.push(text) });
    const idempotency = idempotencyOf(client);
    await idempotency.run(request("k"), placing("k"));
    expect(statements.some((text) => text.includes("idempotency_record"))).toBe(true);
  });
});

const noBigInt = (_name: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

describe.runIf(onPostgres)("a client of the generator prisma-client-js", () => {
  test("works like one of prisma-client", async () => {
    await using db = await openPostgres({ variant: "classic" });
    const idempotency = idempotencyOf(db.prisma);
    const place = placing("k");
    const first = await idempotency.run(request("k"), place);
    const second = await idempotency.run(request("k"), place);
    expect([second.replayed, second.value.id, place.runs]).toEqual([true, first.value.id, 1]);
    expect(second.value.total.equals(first.value.total)).toBe(true);
  });
});
