import { describe, expect, it } from "vitest";
import { currentScope } from "../../src/prisma/handler/scope.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, onPostgres, openPostgres, type TestDatabase } from "../support/database.ts";
import {
  door,
  failureOf,
  idempotencyOf,
  orderOf,
  records,
  request,
  warningsDuring,
} from "../support/runs.ts";

type Tx = Pick<TestClient, "order">;

/** Makes the record of a run what it is when the handler has committed it. */
async function leaveBehind(database: TestDatabase, key: string, more: object = {}): Promise<void> {
  await idempotencyOf(database.prisma).run(request(key, more), async () => "stored");
  await database.query(
    "UPDATE idempotency_record SET status = 'in_progress', response = NULL, completed_at = NULL",
  );
}

const attempted = async ({ attempt }: { attempt: number }) => attempt;

describe.each(databases)("a record on $name that its handler has committed in progress", ({ open, name }) => {
  it("is taken over by the next attempt, which is the second, with a warning once for each operation", async () => {
    await using database = await open();
    const operation = `warned.${name}`;
    for (const key of ["k", "l"]) await leaveBehind(database, key, { operation });
    const warnings = await warningsDuring(async () => {
      for (const key of ["k", "l"]) {
        const idempotency = idempotencyOf(await database.connect());
        const answers = [1, 2].map(() => idempotency.run(request(key, { operation }), attempted));
        expect(await Promise.all(answers)).toEqual([
          { value: 2, replayed: false },
          { value: 2, replayed: true },
        ]);
      }
    });
    expect(warnings.map((warning) => [Reflect.get(warning, "code"), warning.message])).toEqual([
      ["ONCEONLY_COMMITTED", expect.stringContaining(operation)],
    ]);
  });

  it("is another input's, and is left alone then", async () => {
    await using database = await open();
    await leaveBehind(database, "k", { input: 1 });
    const before = await records(database);
    const other = idempotencyOf(database.prisma).run(request("k", { input: 2 }), attempted);
    expect(await failureOf(other)).toMatchObject({ code: "KEY_REUSED" });
    const leased = idempotencyOf(database.prisma).runLeased(request("k", { input: 2 }), attempted);
    expect(await failureOf(leased)).toMatchObject({ code: "KEY_REUSED" });
    expect(await records(database)).toEqual(before);
  });

  it("is taken over by a leased run too, and once it has expired it is begun anew, without a warning", async () => {
    await using database = await open();
    await leaveBehind(database, "k");
    const leased = idempotencyOf(database.prisma).runLeased(request("k"), attempted);
    expect(await leased).toEqual({ value: 2, replayed: false });
    const operation = `expired.${name}`;
    await leaveBehind(database, "l", { operation });
    await database.query("UPDATE idempotency_record SET expires_at = created_at");
    const warnings = await warningsDuring(async () => {
      const anew = idempotencyOf(database.prisma).run(request("l", { operation }), attempted);
      expect(await anew).toEqual({ value: 1, replayed: false });
    });
    expect(warnings).toEqual([]);
  });
});

describe.runIf(onPostgres)("a handler whose COMMIT nobody has seen", () => {
  it("has its claim lost once its record was taken over: only the second attempt is stored", async () => {
    await using database = await openPostgres();
    const { prisma } = database;
    // Neither the gate nor the driver sees a statement past both.
    await prisma.$connect();
    const idempotency = idempotencyOf(prisma);
    const { wait, arrived, open: openDoor } = door();
    const unseen = async ({ tx }: { tx: Tx }) => {
      await tx.order.create({ data: orderOf("first") });
      await currentScope()?.transaction.begun.tx.$executeRawUnsafe("COMMIT");
      await wait();
    };
    const first = idempotency.run(request("k"), unseen);
    await arrived;
    const elsewhere = idempotencyOf(await database.connect());
    const second = await elsewhere.run(request("k"), async ({ tx, attempt }) => {
      await tx.order.create({ data: orderOf("second") });
      return attempt;
    });
    expect(second).toEqual({ value: 2, replayed: false });
    // As if the second were in progress: it is another owner's all the same.
    await database.query("UPDATE idempotency_record SET status = 'in_progress'");
    openDoor();
    expect(await failureOf(first)).toMatchObject({ code: "CLAIM_LOST" });
    await database.query("UPDATE idempotency_record SET status = 'completed'");
    expect(await elsewhere.run(request("k"), async () => 3)).toEqual({ value: 2, replayed: true });
    expect(await database.query('SELECT key FROM "Order" ORDER BY key')).toEqual([
      { key: "first" },
      { key: "second" },
    ]);
  });
});
