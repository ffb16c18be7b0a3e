import type { IncomingMessage } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";
import { type MutationIdempotency, useIdempotency } from "onceonly/yoga";
import type { Order, Prisma } from "../generated/sqlite/client.ts";
import { faultOf } from "./faults.ts";
import { idempotency } from "./idempotency.ts";
import { Cart, pay } from "./payment.ts";
import { prisma } from "./prisma.ts";
import { user } from "./user.ts";

interface ServerContext {
  readonly req: IncomingMessage;
}
const context = ({ req }: ServerContext) => ({ user, fault: faultOf(req) });
type Context = ServerContext &
  ReturnType<typeof context> & { tx: Prisma.TransactionClient; idempotency: MutationIdempotency };

const schema = createSchema<Context>({
  typeDefs: /* GraphQL */ `
    type Order {
      id: Int!
      cart: String!
      items: String!
      totalCents: Int!
      placedAt: String!
    }
    input Line {
      product: String!
      quantity: Int!
    }
    type Query {
      order(id: Int!): Order
    }
    type Mutation {
      pay(id: String!, lines: [Line!]!): Order!
    }
  `,
  resolvers: {
    Order: { placedAt: (order: Order) => order.placedAt.toISOString() },
    Query: { order: (_, { id }: { id: number }) => prisma.order.findUnique({ where: { id } }) },
    Mutation: { pay: (_, cart, context) => pay(context, Cart.parse(cart)) },
  },
});

export const yoga = createYoga<ServerContext, ReturnType<typeof context>>({
  schema,
  context,
  plugins: [
    useIdempotency<Context>({
      idempotency,
      scope: ({ user }) => user.id,
      // A real shop keeps the default, `true`. Here the page shows what happens without a key.
      requireKey: false,
    }),
  ],
});
