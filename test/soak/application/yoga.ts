import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import {
  type LeasedMutationIdempotency,
  type MutationIdempotency,
  useIdempotency,
} from "../../../src/yoga/index.ts";
import type { Tx } from "../../support/shop.ts";
import type { Application } from "./application.ts";
import { pay, place, SoldOut, type Wanted } from "./mutations.ts";

interface Context {
  readonly tx: Tx;
  readonly idempotency: MutationIdempotency & LeasedMutationIdempotency<Tx>;
}

async function expected<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SoldOut) throw new GraphQLError(error.message, { extensions: { code: "SOLD_OUT" } });
    throw error;
  }
}

export function yogaOf({ idempotency, by, charge, tellCommitted }: Application) {
  return createYoga({
    logging: false,
    schema: createSchema<Context>({
      typeDefs: /* GraphQL */ `
        type Receipt { orderId: String!, by: String!, quantity: Int! }
        type Query { hello: String }
        type Mutation {
          place(intent: String!, quantity: Int!, isSoldOut: Boolean!): Receipt!
          pay(intent: String!, quantity: Int!, isSoldOut: Boolean!): Receipt!
        }
      `,
      resolvers: {
        Mutation: {
          place: (_, wanted: Wanted, { tx, idempotency }) => {
            idempotency.afterCommit(() => tellCommitted(wanted.intent));
            return expected(place(tx, wanted, by));
          },
          pay: (_, wanted: Wanted, context) => expected(pay(context.idempotency, wanted, by, charge)),
        },
      },
    }),
    plugins: [
      useIdempotency<Context>({
        idempotency,
        scope: () => "yoga",
        mode: ({ rootFields }) => (rootFields.includes("pay") ? "lease" : "transaction"),
      }),
    ],
  });
}
