/** The kit at every door of the package, and over a socket. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { ExactlyOnceError, expectExactlyOnce } from "../../src/testing/index.ts";
import type { ExactlyOnceFinding } from "../../src/testing/kit/findings.ts";
import { type Mutation, type MutationCall } from "../../src/testing/kit/watch.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { app as httpApp, order as httpOrder, place } from "../http/support.ts";
import { shipping } from "../messages/support.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { type Context, idempotentOn, order, t, app as trpcApp } from "../trpc/support.ts";
import { app as yogaApp } from "../yoga/support.ts";

const optionsFor = (db: TestDatabase) =>
  ({ observe: async () => ({ orders: await db.countOrders() }), settleMs: 1 }) as const;
const callers = ["ada", "bob"] as const;

const headersOf = ({ key, caller }: MutationCall) => ({
  "idempotency-key": `"${key}"`,
  "x-user": caller,
  "content-type": "application/json",
});

const post = (url: string, call: MutationCall, body: object = {}) =>
  new Request(url, { method: "POST", headers: headersOf(call), body: JSON.stringify(body) });

/** Each with a way to break it: an effect of the handler beside the transaction. */
const doors: Record<string, (db: TestDatabase, effect: () => void) => Mutation> = {
  "a tRPC caller": ({ prisma }, effect) => {
    const router = t.router({
      place: t.procedure
        .input(z.object({ key: z.string() }))
        .use(
          idempotencyMiddleware({
            idempotency: createIdempotency({ prisma }),
            scope: ({ ctx }: { ctx: Context }) => ctx.user,
            key: ({ input }: { input: { key: string } }) => input.key,
          }),
        )
        .mutation(async ({ ctx }) => {
          effect();
          return (await ctx.tx.order.create({ data: order("k") })).id;
        }),
    });
    return async ({ key, caller }) => router.createCaller({ user: caller, prisma }).place({ key });
  },
  "tRPC's fetch handler": ({ prisma }, effect) => {
    const router = t.router({
      place: t.procedure
        .input(z.object({ item: z.string() }))
        .use(idempotentOn(prisma))
        .mutation(async ({ ctx }) => {
          effect();
          return (await ctx.tx.order.create({ data: order("k") })).id;
        }),
    });
    const { handle } = trpcApp(router, prisma);
    return (call) => handle(post("http://test/trpc/place", call, { item: "lamp" }));
  },
  "yoga.fetch": (db, effect) => {
    const { fetch } = yogaApp(db, { provide: "tx" });
    const query = 'mutation { place(item: "lamp") { id } }';
    return async (call) => {
      effect();
      return fetch("http://test/graphql", {
        method: "POST",
        headers: headersOf(call),
        body: JSON.stringify({ query }),
      });
    };
  },
  "an HTTP handler": ({ prisma }, effect) => {
    const { handle } = httpApp(prisma, async (request, context) => {
      effect();
      return place(request, context);
    });
    return (call) => handle(post("http://test/orders", call));
  },
};

async function kindsIn(work: Promise<unknown>): Promise<readonly ExactlyOnceFinding[]> {
  const error: unknown = await work.catch((caught: unknown) => caught);
  if (error instanceof ExactlyOnceError) return error.findings.map(({ kind }) => kind);
  throw new Error("nothing was found", { cause: error });
}

describe.each(databases)("expectExactlyOnce on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it.each(Object.entries(doors))("passes %s, and finds an effect of it", async (_, make) => {
    const report = await expectExactlyOnce(
      make(db, () => {}),
      { ...optionsFor(db), callers },
    );
    expect(report).toMatchObject({ oneExecution: { orders: 1 }, statements: 1 });
    let effects = 0;
    const observe = async () => ({ orders: await db.countOrders(), effects });
    const mutation = make(db, () => {
      effects += 1;
    });
    const kinds = await kindsIn(expectExactlyOnce(mutation, { observe, callers, settleMs: 1 }));
    expect(kinds).toContainEqual(expect.stringMatching(/^(outside|repeated)$/));
  });

  it("passes a consumer of messages", async () => {
    const consume = shipping(db.prisma);
    const report = await expectExactlyOnce(({ key }) => consume({ id: key, body: "crate" }), optionsFor(db));
    expect(report.tried).not.toContain("another caller");
  });
});

it("passes a server in this process that is asked over a socket, and finds an effect of it", async () => {
  await using db = await openSqlite();
  let effects = 0;
  const { handle } = httpApp(db.prisma, async (_, { tx }) => {
    effects += 1;
    const { id } = await tx.order.create({ data: httpOrder });
    return Response.json({ id });
  });
  const answer = async ({ headers }: IncomingMessage): Promise<Response> => {
    const { "idempotency-key": key = "", "x-user": user = "" } = headers;
    const sent = { "idempotency-key": String(key), "x-user": String(user) };
    return handle(new Request("http://test/orders", { method: "POST", headers: sent }));
  };
  const server = createServer((request, response) => {
    answer(request).then(
      async (answered) => response.writeHead(answered.status).end(await answered.text()),
      () => response.writeHead(500).end(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`;
  const mutation: Mutation = (call) => fetch(post(url, call));
  expect(await expectExactlyOnce(mutation, { ...optionsFor(db), callers })).toMatchObject({ statements: 1 });
  const observe = () => ({ effects });
  expect(await kindsIn(expectExactlyOnce(mutation, { observe, callers, settleMs: 1 }))).toContain("outside");
  server.close();
});
