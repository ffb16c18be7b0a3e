import { readReplicas } from "@prisma/extension-read-replicas";
import { describe, expect, it } from "vitest";
import { createIdempotency } from "../../src/create-idempotency.ts";
import { withAmbientTransaction } from "../../src/prisma/ambient/ambient.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { request } from "../support/runs.ts";
import { account, accountIds, Undo, undo } from "./support.ts";

const replicated = (client: TestClient, replica: TestClient) =>
  client.$extends(readReplicas({ replicas: [replica] }) as never) as unknown as TestClient & {
    $primary(): TestClient;
    $replica(): TestClient;
  };

type Replicated = ReturnType<typeof replicated>;

const ORDERS: [order: string, build: (client: TestClient, replica: TestClient) => Replicated][] = [
  ["under the ambient client", (client, replica) => withAmbientTransaction(replicated(client, replica))],
  ["on the ambient client", (client, replica) => replicated(withAmbientTransaction(client), replica)],
  ["as the handler's client alone", replicated],
];

describe.each(databases)("@prisma/extension-read-replicas on $name,", ({ open }) => {
  describe.each(ORDERS)("%s,", (order, build) => {
    it("keeps reads, and $primary(), in the handler's transaction", async () => {
      await using database = await open();
      await using replica = await open();
      const prisma = build(database.prisma, replica.prisma);
      // Nothing but the rows tells where a write went.
      const idempotency = createIdempotency({ prisma, guard: "off" });
      const run = idempotency.run(request("k"), async ({ tx }) => {
        const client = order.startsWith("as") ? (tx as Replicated) : prisma;
        await client.account.create(account("a"));
        await client.$primary().account.create(account("b"));
        await client.$primary().$transaction([client.$primary().account.create(account("c"))]);
        expect(await client.account.count()).toBe(3);
        expect(await client.$primary().account.count()).toBe(3);
        expect(() => client.$replica()).toThrow("inside of a transaction");
        return undo();
      });
      await expect(run).rejects.toBeInstanceOf(Undo);
      expect(await accountIds(database)).toEqual([]);
    });

    it("is outside of handlers what it is without us", async () => {
      await using database = await open();
      await using replica = await open();
      const prisma = build(database.prisma, replica.prisma);
      const idempotency = createIdempotency({ prisma, guard: "throw" });
      await idempotency.run(request("k"), async ({ tx }) => void (await tx.account.create(account("a"))));
      await prisma.$primary().account.create(account("b"));
      await replica.prisma.account.create(account("of the replica"));
      expect(await prisma.account.findMany()).toMatchObject([{ id: "of the replica" }]);
      expect(await prisma.$replica().account.count()).toBe(1);
      expect(await prisma.$primary().account.count()).toBe(2);
    });
  });
});
