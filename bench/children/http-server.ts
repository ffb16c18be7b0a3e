/** The application over HTTP: tRPC and Yoga, each mutation without and with a transaction, and with us. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { initTRPC } from "@trpc/server";
import { type CreateHTTPContextOptions, createHTTPHandler } from "@trpc/server/adapters/standalone";
import { createSchema, createYoga } from "graphql-yoga";
import { createIdempotency } from "onceonly";
import { idempotencyMiddleware } from "onceonly/trpc";
import { useIdempotency } from "onceonly/yoga";
import { z } from "zod";
import { parentPort } from "../../test/support/worker.ts";
import { databases } from "../databases/index.ts";
import { place, workOf } from "../shop.ts";

export interface HttpServerData {
  database: string;
  url: string;
  namedStatements: boolean;
}

export type HttpServerUp = { type: "listening"; port: number };

const port = await parentPort<HttpServerData, HttpServerUp>();
const { database, url, namedStatements } = port.data;
const kind = databases.find(({ name }) => name === database);
if (kind === undefined) throw new Error(`nothing known of ${database}`);
const prisma = await kind.connect(url, { namedStatements });
const idempotency = createIdempotency({ prisma });

const work = workOf("one");
const scope = () => "ada";
const Input = z.object({ key: z.string(), item: z.string(), quantity: z.number() });
const t = initTRPC.context<ReturnType<typeof createContext>>().create();

function createContext({ req, res, info }: CreateHTTPContextOptions) {
  return { req, res, info, prisma };
}

const appRouter = t.router({
  "no-transaction": t.procedure.input(Input).mutation(({ ctx, input }) => place(ctx.prisma, input.key, work)),
  bare: t.procedure
    .input(Input)
    .mutation(({ ctx, input }) => ctx.prisma.$transaction((tx) => place(tx, input.key, work))),
  onceonly: t.procedure
    .input(Input)
    .use(idempotencyMiddleware({ idempotency, scope, provide: "prisma" }))
    .mutation(({ ctx, input }) => place(ctx.prisma, input.key, work)),
});

type Context = { prisma: typeof prisma };
interface Arguments {
  readonly input: { readonly key: string };
}

const typeDefs = `
  type Order { id: ID!, key: String!, item: String!, quantity: Int!, cents: Int! }
  input Place { key: String!, item: String!, quantity: Int! }
  type Query { ready: Boolean! }
  type Mutation { place(input: Place!): Order!, placeInTransaction(input: Place!): Order! }
`;
const schema = createSchema<Context>({
  typeDefs,
  resolvers: {
    Query: { ready: () => true },
    Mutation: {
      place: (_, { input }: Arguments, context) => place(context.prisma, input.key, work),
      placeInTransaction: (_, { input }: Arguments, context) =>
        context.prisma.$transaction((tx) => place(tx, input.key, work)),
    },
  },
});
const common = { schema, context: () => ({ prisma }), logging: false } as const;
const plainYoga = createYoga<object, Context>({ ...common, graphqlEndpoint: "/yoga/plain" });
const onceonlyYoga = createYoga<object, Context>({
  ...common,
  graphqlEndpoint: "/yoga/onceonly",
  plugins: [useIdempotency<Context>({ idempotency, scope, provide: "prisma" })],
});
const trpc = createHTTPHandler({ router: appRouter, createContext, basePath: "/trpc/" });

const server = createServer((request, response) => {
  if (request.url?.startsWith("/trpc/")) trpc(request, response);
  else if (request.url === "/yoga/plain") void plainYoga(request, response);
  else void onceonlyYoga(request, response);
});
server.listen(0, "127.0.0.1", () => {
  port.send({ type: "listening", port: (server.address() as AddressInfo).port });
});
