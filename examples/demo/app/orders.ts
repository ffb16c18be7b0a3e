import { z } from "zod";
import type { Order, Prisma } from "../generated/client.ts";
import { pausePoint } from "./pause.ts";
import type { User } from "./users.ts";

export const OrderInput = z.object({ item: z.string(), quantity: z.int().min(1).max(100) });
export type OrderInput = z.infer<typeof OrderInput>;

/** What tRPC and GraphQL hand to a mutation; `prisma` is the transaction, put there by onceonly. */
export interface MutationContext {
  readonly user: User;
  readonly prisma: Prisma.TransactionClient;
  readonly idempotency: { readonly afterCommit: (callback: () => unknown) => void };
}

/** Takes the goods from the stock and writes the order: two writes that belong together. */
export async function placeOrder(
  { user, prisma, idempotency }: MutationContext,
  { item, quantity }: OrderInput,
): Promise<Order> {
  const product = await prisma.product.update({
    where: { name: item },
    data: { stock: { decrement: quantity } },
  });
  await pausePoint("in the middle");
  idempotency.afterCommit(() => pausePoint("after COMMIT"));
  return prisma.order.create({
    data: { customer: user.id, item, quantity, totalCents: product.priceCents * quantity },
  });
}
