/** One server with every adapter that has a wire of its own. Each mutation leaves one order, whose key is the request's. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { initTRPC } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";
import type { TRPCRequestInfo } from "@trpc/server/http";
import { createServerAdapter } from "@whatwg-node/server";
import { createSchema, createYoga } from "graphql-yoga";
import superjson from "superjson";
import { z } from "zod";
import { withIdempotency } from "../../../src/http/index.ts";
import { createIdempotency, type Idempotency } from "../../../src/index.ts";
import { idempotencyMiddleware } from "../../../src/trpc/index.ts";
import type { RequestParts } from "../../../src/trpc/request/request-parts.ts";
import { useIdempotency } from "../../../src/yoga/index.ts";
import type { ClientTarget, TestClient } from "../../support/clients.ts";
import { connect } from "../../support/clients.ts";
import type { Tx } from "../../support/shop.ts";
import { parentPort } from "../../support/worker.ts";

interface TrpcContext {
  req: { headers: Record<string, string | string[] | undefined> };
  res: RequestParts["res"];
  info: TRPCRequestInfo;
}

/** The answer differs with every execution, so that a replay shows. */
async function execute(tx: Tx, key: string | undefined): Promise<string> {
  const data = { customer: "ada", item: "lamp", quantity: 1, total: "1", big: 1n };
  const { id } = await tx.order.create({ data: { ...data, key: key ?? "none" } });
  return id;
}

// What the server makes differs with every attempt: none of that is the client's.
const Parsed = z.object({
  value: z.unknown(),
  at: z.date().default(() => new Date()),
  id: z.uuid().default(() => randomUUID()),
});

/** Over JSON as it is, or in superjson's form. */
function trpcHandler(idempotency: Idempotency<Tx>, form: "json" | "superjson") {
  const t = initTRPC.context<TrpcContext>().create({
    isDev: false,
    ...(form === "superjson" ? { transformer: superjson } : {}),
  });
  const idempotent = idempotencyMiddleware({
    idempotency,
    scope: "global",
    operation: ({ path }) => `${form} ${path}`,
  });
  const router = t.router({
    record: t.procedure
      .input(Parsed)
      .use(idempotent)
      .mutation(
        async ({ ctx, input }) =>
          `${await execute(ctx.tx, ctx.idempotency.key)} ${input.at.getTime()} ${input.id}`,
      ),
    late: t.procedure
      .use(idempotent)
      .input(Parsed)
      .mutation(
        async ({ ctx, input }) =>
          `${await execute(ctx.tx, ctx.idempotency.key)} ${input.at.getTime()} ${input.id}`,
      ),
    form: t.procedure
      .input(z.instanceof(FormData))
      .use(idempotent)
      .mutation(({ ctx }) => execute(ctx.tx, ctx.idempotency.key)),
  });
  return createHTTPHandler({
    router,
    basePath: `/${form}/`,
    createContext: ({ req, res, info }): TrpcContext => ({ req, res, info }),
  });
}

interface YogaContext {
  tx: Tx;
  idempotency: { key: string };
}

function yogaHandler(idempotency: Idempotency<Tx>) {
  const record = (_: unknown, __: unknown, { tx, idempotency: { key } }: YogaContext) => execute(tx, key);
  return createYoga({
    schema: createSchema<YogaContext>({
      typeDefs: `
        scalar JSON
        scalar File
        type Query { hello: String }
        type Mutation { record(value: JSON, file: File, note: String): String! }
      `,
      resolvers: { Mutation: { record } },
    }),
    batching: true,
    logging: false,
    plugins: [useIdempotency<YogaContext>({ idempotency, scope: "global" })],
  });
}

function httpHandler(idempotency: Idempotency<Tx>) {
  const handle = withIdempotency(
    { idempotency, scope: "global", operation: "things", methods: ["POST", "PATCH", "PUT"] },
    async (_request, { tx, key }) => Response.json(await execute(tx, key)),
  );
  return createServerAdapter((request: Request) => handle(request));
}

async function listen(prisma: TestClient): Promise<number> {
  const idempotency = createIdempotency({ prisma });
  const json = trpcHandler(idempotency, "json");
  const superjsonHandler = trpcHandler(idempotency, "superjson");
  const yoga = yogaHandler(idempotency);
  const http = httpHandler(idempotency);
  const server = createServer((req, res) => {
    const path = req.url ?? "";
    if (path.startsWith("/json/")) return json(req, res);
    if (path.startsWith("/superjson/")) return superjsonHandler(req, res);
    return path.startsWith("/graphql") ? void yoga(req, res) : void http(req, res);
  });
  // A connection that is closed for being idle may be so while the next request is on its way.
  server.keepAliveTimeout = 0;
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

export interface Ready {
  type: "ready";
  origin: string;
}

/** In the child. */
export async function runServer(): Promise<void> {
  const port = await parentPort<ClientTarget, Ready>();
  const prisma = await connect(port.data);
  port.send({ type: "ready", origin: `http://127.0.0.1:${await listen(prisma)}` });
}
