import { builder } from "../builder.ts";
import { db } from "../db.ts";

builder.prismaObject("Customer", {
  fields: (t) => ({
    id: t.exposeID("id"),
    orders: t.relation("orders", { query: { orderBy: { id: "asc" } } }),
  }),
});

builder.queryField("me", (t) =>
  t.prismaField({
    type: "Customer",
    resolve: (query, _root, _args, { user }) =>
      db.customer.findUniqueOrThrow({ ...query, where: { id: user.id } }),
  }),
);
