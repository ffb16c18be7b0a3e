import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { onPostgres, openPostgres } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { openShop } from "../support/shop.ts";
import { openProxy } from "../support/tcp-proxy.ts";

describe.runIf(onPostgres)("a statement that the handler does not await", () => {
  // PostgreSQL answers the COMMIT of an aborted transaction with ROLLBACK and no error, and Prisma does not look.
  test("is refused between the result and COMMIT, where its failure would undo a success that is told", async () => {
    await using database = await openPostgres();
    await using proxy = await openProxy(database.url);
    await database.query(`INSERT INTO "Account" (id, balance) VALUES ('taken', 1)`);
    // In a message of both, nothing can come between them.
    const prisma = await database.connect({ url: proxy.url, messages: "one by one" });
    const shop = openShop({ prisma, by: "careless" });
    const result = proxy.intercept(
      /^UPDATE "public"."idempotency_record"|^UPDATE "idempotency_record"/,
      "answered",
    );
    const go = gate();
    const placing = shop
      .place("k", {
        last: async (tx) => {
          void go.opened.then(() => tx.account.create({ data: { id: "taken", balance: 2 } })).catch(() => {});
        },
      })
      .then(
        ({ replayed }) => ({ replayed }),
        (error: unknown) => error,
      );
    await result.reached;
    go.open();
    // Until it stands in the driver's queue, behind the result.
    for (let turns = 0; turns < 200; turns += 1) await turn();
    result.release();
    const told = await placing;
    expect({ told, rows: await database.countOrders() }).toEqual({ told: { replayed: false }, rows: 1 });
  });
});
