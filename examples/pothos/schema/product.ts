import { builder } from "../builder.ts";
import { db } from "../db.ts";

builder.prismaObject("Product", {
  fields: (t) => ({
    name: t.exposeID("name"),
    priceCents: t.exposeInt("priceCents"),
    stock: t.exposeInt("stock"),
    sold: t.int({
      resolve: async ({ name }) => {
        const { _sum } = await db.orderItem.aggregate({
          where: { productName: name },
          _sum: { quantity: true },
        });
        return _sum.quantity ?? 0;
      },
    }),
  }),
});
