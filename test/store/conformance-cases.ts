import type { Store } from "../../src/core/contract/store.ts";
import { createPrismaStore } from "../../src/prisma/create-store.ts";
import { type ConformanceCase, storeConformance } from "../../src/testing/index.ts";
import type { databases } from "../support/database.ts";
import { orderOf } from "../support/runs.ts";
import type { Tx } from "../support/shop.ts";

/** What a store on one of our databases must keep, as those of others; and so must a store over it. */
export function casesOn(
  { name, open }: (typeof databases)[number],
  over: (store: Store<Tx>) => Store<Tx> = (store) => store,
): readonly ConformanceCase[] {
  // On SQLite there is one client for each process.
  const twoConnections = name !== "sqlite";
  return storeConformance<Tx>({
    twoConnections,
    open: async () => {
      const db = await open();
      return {
        store: over(createPrismaStore({ prisma: db.prisma })),
        ...(twoConnections && { other: over(createPrismaStore({ prisma: await db.connect() })) }),
        write: (tx) => tx.order.create({ data: orderOf("k") }),
        written: () => db.countOrders(),
        close: () => db[Symbol.asyncDispose](),
      };
    },
  });
}
