/** The application as its users have it: with the defaults of Prisma, its adapter and this package. */
import { createIdempotency } from "../../../src/create-idempotency.ts";
import { adapterFor, type ClientOptions, type TestClient } from "../../support/clients.ts";
import { PrismaClient } from "../../support/generated/postgresql/client.ts";
import { orderOf, request } from "../../support/runs.ts";
import type { Tx } from "../../support/shop.ts";

export function openApplication(url: string, options: ClientOptions = {}) {
  const adapter = adapterFor({ provider: "postgresql", url }, options);
  const prisma: TestClient = new PrismaClient({ adapter });
  const idempotency = createIdempotency({ prisma });
  const begun = new Set<string>();
  const charges = new Map<string, number>();
  const writing =
    (key: string) =>
    async ({ tx }: { tx: Tx }) => {
      begun.add(key);
      const { id } = await tx.order.create({ data: orderOf(key) });
      await tx.account.create({ data: { id, balance: 1 } });
      return { orderId: id };
    };
  return {
    prisma,
    idempotency,
    /** The keys for which rows were to be written. */
    begun,
    /** How often a step of a key was executed. */
    charges,
    /** Writes two rows, and returns the id of the order. */
    async place(key: string): Promise<string> {
      const { value } = await idempotency.run(request(key), writing(key));
      return value.orderId;
    },
    /** The same in a leased run, after a step. */
    async placeLeased(key: string): Promise<string> {
      const { value } = await idempotency.runLeased(request(key), async ({ step, transaction }) => {
        await step("charge", () => {
          charges.set(key, (charges.get(key) ?? 0) + 1);
        });
        return transaction("order", writing(key));
      });
      return value.orderId;
    },
    [Symbol.asyncDispose]: () => prisma.$disconnect(),
  };
}
