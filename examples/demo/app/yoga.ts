import { GraphQLError } from "graphql";
import { createSchema, createYoga, type YogaInitialContext } from "graphql-yoga";
import { type MutationIdempotency, useIdempotency } from "onceonly/yoga";
import type { Order } from "../generated/client.ts";
import { idempotency, prisma } from "./idempotency.ts";
import { OrderInput, placeOrder } from "./orders.ts";
import { userOf } from "./users.ts";

function createContext({ request }: YogaInitialContext) {
  const user = userOf(request.headers.get("authorization"));
  if (!user) throw new GraphQLError("UNAUTHORIZED", { extensions: { http: { status: 401 } } });
  return { user, prisma };
}
type Context = ReturnType<typeof createContext> & { idempotency: MutationIdempotency };

const schema = createSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Order {
      id: Int!
      customer: String!
      item: String!
      quantity: Int!
      totalCents: Int!
      placedAt: String!
    }
    type Query {
      orders: [Order!]!
    }
    type Mutation {
      placeOrder(item: String!, quantity: Int!): Order!
    }
  `,
  resolvers: {
    Order: { placedAt: (order: Order) => order.placedAt.toISOString() },
    Query: {
      orders: (_, __, { prisma, user }) => prisma.order.findMany({ where: { customer: user.id } }),
    },
    Mutation: {
      placeOrder: (_, args, context) => placeOrder(context, OrderInput.parse(args)),
    },
  },
});

export const yoga = createYoga({
  schema,
  context: createContext,
  plugins: [useIdempotency({ idempotency, scope: ({ user }: Context) => user.id, provide: "prisma" })],
  graphiql: {
    headers: JSON.stringify({ authorization: "Bearer ada" }),
    defaultQuery: `mutation {
  placeOrder(item: "tea", quantity: 2) @idempotent(key: "try-3") {
    id
    totalCents
    placedAt
  }
}`,
  },
});
