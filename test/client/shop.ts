/**
 * A shop behind a real HTTP server that misbehaves as it is told: tRPC, Yoga and plain REST, on one real SQLite.
 * Orders are counted in the database.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TRPCError } from "@trpc/server";
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { z } from "zod";
import {
  createIdempotency,
  isIdempotencyError,
  type RunOptions,
  type TransactionOf,
} from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { useIdempotency } from "../../src/yoga/index.ts";
import type { TestClient } from "../support/clients.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { t } from "../trpc/support.ts";

/** What becomes of one HTTP request. */
export type Fate =
  | "answered"
  /** The connection breaks before anything is executed. */
  | "request lost"
  /** Executed; the connection breaks before the answer. */
  | "response lost"
  /** Executed; the connection breaks in the middle of the answer. */
  | "response cut"
  /** A gateway answers 503, and nothing is executed. */
  | "503"
  /** A gateway answers 504, but it is executed. */
  | "504 after all"
  /** Executed; no answer ever. */
  | "never answered"
  /** Executed only after the client has given up. */
  | "executed late";

export const FAILURES: readonly Fate[] = [
  "request lost",
  "response lost",
  "response cut",
  "503",
  "504 after all",
  "never answered",
  "executed late",
];

export interface Order {
  customer: string;
  item: string;
  quantity: number;
}

interface Seen {
  method: string;
  path: string;
  key: string | undefined;
  /** Whether it says that it is a repetition. */
  isRetry: boolean;
  fate: Fate;
  /** Of the order, or of the first of a batch. */
  customer: string | undefined;
}

export interface Shop extends AsyncDisposable {
  url: string;
  db: TestDatabase;
  /** What becomes of the next requests; afterwards they are answered. */
  fates: Fate[];
  /** The same for the requests of one customer. */
  fatesOf: Map<string, Fate[]>;
  /** What came in, in this order. */
  seen: Seen[];
  /** Answers of the gateway instead of the shop's, for tests of single answers. */
  instead: (() => Response)[];
  /** How many requests were executed to their end. */
  executed: number;
  /** Waits until nothing is executed any more. */
  idle(): Promise<void>;
}

type Handle = (request: Request) => Promise<Response>;
type ShopIdempotency = ReturnType<typeof idempotencyOn>;

const idempotencyOn = (prisma: TestClient, options: RunOptions) => createIdempotency({ prisma, ...options });

/** What the order of a customer waits for, in its transaction. */
export const held = new Map<string, Promise<void>>();

async function createOrder(tx: TransactionOf<TestClient>, key: string, order: Order): Promise<string> {
  await held.get(order.customer);
  const created = await tx.order.create({ data: { ...order, key, total: "1.50", big: 1n } });
  return created.id;
}

const orderInput = z.object({ customer: z.string(), item: z.string(), quantity: z.number() });

function routerOf(idempotency: ShopIdempotency) {
  const idempotent = idempotencyMiddleware({ idempotency, scope: "global" });
  return t.router({
    place: t.procedure
      .input(orderInput)
      .use(idempotent)
      .mutation(async ({ ctx, input }) => {
        if (input.item === "declined") throw new TRPCError({ code: "PAYMENT_REQUIRED", message: "declined" });
        if (input.item === "taken") throw new TRPCError({ code: "CONFLICT", message: "taken" });
        return createOrder(ctx.tx, ctx.idempotency.key ?? "none", input);
      }),
    unkeyed: t.procedure
      .input(orderInput)
      .mutation(({ ctx, input }) => createOrder(ctx.prisma, "none", input)),
    hello: t.procedure.query(() => "hello"),
  });
}
export type AppRouter = ReturnType<typeof routerOf>;

function trpcHandler(idempotency: ShopIdempotency, prisma: TestClient): Handle {
  const router = routerOf(idempotency);
  return (req) =>
    fetchRequestHandler({
      endpoint: "/trpc",
      req,
      router,
      createContext: ({ info, resHeaders }) => ({ user: "ada", prisma, req, info, resHeaders }),
    });
}

function yogaHandler(idempotency: ShopIdempotency): Handle {
  interface Context {
    tx: TransactionOf<TestClient>;
    idempotency: { key: string };
  }
  const yoga = createYoga({
    logging: false,
    schema: createSchema<Context>({
      typeDefs: `
        type Query { hello: String! }
        type Mutation { place(customer: String!, item: String!, quantity: Int!): ID! }
      `,
      resolvers: {
        Query: { hello: () => "hello" },
        Mutation: {
          place(_: unknown, order: Order, { tx, idempotency: { key } }: Context) {
            if (order.item === "declined") {
              throw new GraphQLError("declined", { extensions: { code: "DECLINED" } });
            }
            return createOrder(tx, key, order);
          },
        },
      },
    }),
    plugins: [useIdempotency({ idempotency, scope: "global" })],
  });
  return async (request) => yoga.fetch(request);
}

const REST_ERRORS: Readonly<Record<string, readonly [status: number, name: string]>> = {
  KEY_MISSING: [400, "key-missing"],
  KEY_INVALID: [400, "key-invalid"],
  KEY_REUSED: [422, "key-reused"],
  IN_PROGRESS: [409, "in-progress"],
  LEASE_LOST: [409, "lease-lost"],
};

/** Plain REST, with the problem documents of `onceonly/http`. */
function restHandler(idempotency: ShopIdempotency): Handle {
  return async (request) => {
    const key = /^"(.+)"$/.exec(request.headers.get("idempotency-key") ?? "")?.[1];
    const { success, data: order } = orderInput.safeParse(await request.json().catch(() => undefined));
    if (!success) return new Response("not an order", { status: 400 });
    if (key === undefined) return problem("KEY_MISSING", "no key");
    try {
      const { value } = await idempotency.run(
        { operation: "POST /orders", key, scope: "global", input: order },
        async ({ tx }) => createOrder(tx, key, order),
      );
      return Response.json({ id: value }, { status: 201 });
    } catch (error) {
      if (!isIdempotencyError(error)) throw error;
      return problem(error.code, error.message);
    }
  };
}

export function problem(code: string, detail: string): Response {
  const [status, name] = REST_ERRORS[code] ?? [503, "store-unavailable"];
  return Response.json(
    { type: `urn:onceonly:problem:${name}`, title: code, status, detail, code },
    {
      status,
      headers: {
        "content-type": "application/problem+json",
        "idempotency-outcome": code === "KEY_REUSED" ? "refused" : "released",
      },
    },
  );
}

async function requestOf(url: string, incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = "GET", headers } = incoming;
  const body = method === "GET" ? {} : { body: Buffer.concat(chunks) };
  return new Request(new URL(incoming.url ?? "/", url), { method, headers: headers as never, ...body });
}

async function write(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

async function writeHalf(answer: Response, response: ServerResponse): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  response.writeHead(answer.status, {
    ...Object.fromEntries(answer.headers),
    "content-length": String(body.length),
  });
  await new Promise((resolve) => response.write(body.subarray(0, body.length / 2), resolve));
  response.destroy();
}

async function misbehave(fate: Fate, execute: () => Promise<Response>, response: ServerResponse) {
  const closed = new Promise((resolve) => response.once("close", resolve));
  switch (fate) {
    case "answered":
      return write(await execute(), response);
    case "request lost":
      return void response.destroy();
    case "response lost":
      await execute();
      return void response.destroy();
    case "response cut":
      return writeHalf(await execute(), response);
    case "503":
      return write(new Response("<h1>no backend</h1>", { status: 503 }), response);
    case "504 after all":
      await execute();
      return write(new Response("<h1>too slow</h1>", { status: 504 }), response);
    case "never answered":
      await execute();
      return void (await closed);
    case "executed late":
      await closed;
      await execute();
  }
}

export async function openShop(options: RunOptions = {}): Promise<Shop> {
  const db = await openSqlite();
  const idempotency = idempotencyOn(db.prisma, options);
  const handlers: Record<string, Handle> = {
    trpc: trpcHandler(idempotency, db.prisma),
    graphql: yogaHandler(idempotency),
    orders: restHandler(idempotency),
  };
  const fates: Fate[] = [];
  const fatesOf = new Map<string, Fate[]>();
  const seen: Seen[] = [];
  const instead: (() => Response)[] = [];
  const running = new Set<Promise<unknown>>();
  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const request = await requestOf(shop.url, incoming);
    const path = new URL(request.url).pathname;
    const customer = /"customer":"([^"]*)"/.exec(await request.clone().text())?.[1];
    const fate = fatesOf.get(customer ?? "")?.shift() ?? fates.shift() ?? "answered";
    const { method, headers } = request;
    const isRetry = headers.get("idempotency-retry") === "?1";
    seen.push({ method, path, key: headers.get("idempotency-key") ?? undefined, isRetry, fate, customer });
    const other = instead.shift();
    const handler = handlers[path.split("/")[1] ?? ""];
    const execute = async () => {
      const answer = other?.() ?? (await handler?.(request)) ?? new Response("not found", { status: 404 });
      // A streamed answer is complete only with its last part.
      await answer.clone().arrayBuffer();
      shop.executed += 1;
      return answer;
    };
    await misbehave(fate, execute, response);
  };
  const server = createServer((incoming, response) => {
    const served = serve(incoming, response).catch(() => response.destroy());
    running.add(served);
    void served.then(() => running.delete(served));
  });
  const shop: Shop = {
    url: "",
    db,
    fates,
    fatesOf,
    seen,
    instead,
    executed: 0,
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await shop.idle();
      await new Promise((resolve) => server.close(resolve));
      await db[Symbol.asyncDispose]();
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  shop.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return shop;
}
