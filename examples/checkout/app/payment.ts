import { z } from "zod";
import type { Order, Prisma } from "../generated/sqlite/client.ts";
import type { faultOf } from "./faults.ts";
import { PRODUCTS } from "./products.ts";
import { charge } from "./provider.ts";

const ids = PRODUCTS.map(({ id }) => id);

export const Cart = z.object({
  id: z.string().min(1).max(100),
  lines: z.array(z.object({ product: z.enum(ids), quantity: z.int().min(1).max(99) })).min(1),
});
export type Cart = z.infer<typeof Cart>;

/** What tRPC and GraphQL hand to a mutation; onceonly put the transaction and `idempotency` there. */
export interface MutationContext {
  readonly user: { readonly id: string };
  readonly tx: Prisma.TransactionClient;
  readonly idempotency: {
    readonly afterCommit: (callback: () => unknown) => void;
    readonly deriveKey: (name: string) => string;
  };
  readonly fault: ReturnType<typeof faultOf>;
}

/** Payments that are executing in this process. */
export const executing = { count: 0 };

/**
 * Charges the customer's card and writes the order. The two writes belong together, and so does the charge, which no rollback
 * takes back: its key is derived from the client's, so that a second execution asks for the same charge.
 */
export async function pay(
  { user, tx, idempotency, fault }: MutationContext,
  { id, lines }: Cart,
): Promise<Order> {
  executing.count += 1;
  try {
    const bought = lines.flatMap(({ product, quantity }) =>
      PRODUCTS.filter(({ id }) => id === product).map((found) => ({ ...found, quantity })),
    );
    const totalCents = bought.reduce((sum, { priceCents, quantity }) => sum + priceCents * quantity, 0);
    await charge({ cart: id, cents: totalCents }, idempotency.deriveKey("charge"));
    await tx.customer.update({
      where: { id: user.id },
      data: { chargedCents: { increment: totalCents } },
    });
    await fault.beforeCommit();
    idempotency.afterCommit(fault.afterCommit);
    return await tx.order.create({
      data: {
        customer: user.id,
        cart: id,
        items: bought.map(({ name, quantity }) => `${quantity} × ${name}`).join(", "),
        totalCents,
      },
    });
  } finally {
    executing.count -= 1;
  }
}
