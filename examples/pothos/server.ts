import { GraphQLError } from "graphql";
import { createYoga, type YogaInitialContext } from "graphql-yoga";
import { createIdempotency } from "onceonly";
import { useIdempotency } from "onceonly/yoga";
import type { Context } from "./builder.ts";
import { db } from "./db.ts";
import { schema } from "./schema/index.ts";

const idempotency = createIdempotency({ prisma: db });

/** Stands in for your own authentication: `Authorization: Bearer ada` is the user ada. */
function createContext({ request }: YogaInitialContext): Context {
  const id = /^Bearer (\w+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  if (id === undefined) throw new GraphQLError("UNAUTHORIZED", { extensions: { http: { status: 401 } } });
  return { user: { id } };
}

export const yoga = createYoga({
  schema,
  context: createContext,
  plugins: [useIdempotency({ idempotency, scope: ({ user }: Context) => user.id })],
});
