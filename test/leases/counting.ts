/** The operation of the tests of completers: each of its executions, and each of its steps, leaves a row. */
import type { LeaseContext } from "../../src/core/contract/idempotency.ts";
import type { TestClient } from "../support/clients.ts";
import type { Tx } from "../support/shop.ts";

export async function count(
  { step, transaction }: LeaseContext<Tx>,
  prisma: TestClient,
  key: string,
  by: string,
): Promise<{ key: string }> {
  const rowOf = (item: string) => ({
    data: { key, customer: by, item, quantity: 1, total: "1", big: 1n },
    select: { id: true },
  });
  await prisma.order.create(rowOf("execution"));
  await step("first", async () => {
    await prisma.order.create(rowOf("first"));
    return "now";
  });
  await transaction("row", ({ tx }) => tx.order.create(rowOf("row")));
  return { key };
}
