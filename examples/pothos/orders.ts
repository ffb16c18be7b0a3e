import { GraphQLError } from "graphql";
import { db } from "./db.ts";

export interface Item {
  readonly product: string;
  readonly quantity: number;
}

/** Writes the order, then takes its goods from the stock one by one. */
export async function placeOrder(customerId: string, reference: string, items: readonly Item[]) {
  const names = items.map(({ product }) => product);
  const products = await db.product.findMany({ where: { name: { in: names } } });
  const priceOf = new Map(products.map(({ name, priceCents }) => [name, priceCents]));
  const totalCents = items.reduce(
    (sum, { product, quantity }) => sum + quantity * (priceOf.get(product) ?? 0),
    0,
  );
  const order = await db.order.create({
    data: {
      reference,
      customerId,
      totalCents,
      items: { create: items.map(({ product, quantity }) => ({ productName: product, quantity })) },
    },
  });
  for (const { product, quantity } of items) {
    const { stock } = await db.product.update({
      where: { name: product },
      data: { stock: { decrement: quantity } },
    });
    if (stock < 0) {
      throw new GraphQLError(`${product} is out of stock.`, { extensions: { code: "OUT_OF_STOCK" } });
    }
  }
  return order;
}
