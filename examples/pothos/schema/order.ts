import { builder } from "../builder.ts";
import { db } from "../db.ts";
import { placeOrder } from "../orders.ts";

builder.prismaObject("OrderItem", {
  fields: (t) => ({ quantity: t.exposeInt("quantity"), product: t.relation("product") }),
});

builder.prismaObject("Order", {
  fields: (t) => ({
    id: t.exposeID("id"),
    reference: t.exposeString("reference"),
    totalCents: t.exposeInt("totalCents"),
    customer: t.relation("customer"),
    items: t.relation("items", {
      args: { first: t.arg.int() },
      query: ({ first }) => ({ orderBy: { id: "asc" }, ...(typeof first === "number" && { take: first }) }),
    }),
  }),
});

const ItemInput = builder.inputType("ItemInput", {
  fields: (t) => ({
    product: t.string({ required: true }),
    quantity: t.int({ required: true }),
  }),
});

builder.mutationField("placeOrder", (t) =>
  t.prismaField({
    type: "Order",
    args: {
      reference: t.arg.string({ required: true }),
      items: t.arg({ type: [ItemInput], required: true }),
    },
    resolve: async (query, _root, { reference, items }, { user }) => {
      const { id } = await placeOrder(user.id, reference, items);
      return db.order.findUniqueOrThrow({ ...query, where: { id } });
    },
  }),
);
