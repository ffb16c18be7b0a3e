// oxlint-disable-next-line import/no-unassigned-import -- React looks for a document while it is loaded
import "../react/dom.ts";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { renderHook } from "@testing-library/react";
import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  httpBatchStreamLink,
  type TRPCLink,
  wsLink,
} from "@trpc/client";
import { type AnyTRPCRouter, initTRPC, TRPCError } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { useIdempotencyKey } from "../../src/react/index.ts";
import { idempotencyHeaders, idempotencyLink } from "../../src/trpc/client/index.ts";
import { idempotencyData, idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { type Context, listen } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const Pay = z.object({ key: z.string().optional(), what: z.string() });

let executions = 0;

function shop({ isTold = true }: { isTold?: boolean } = {}) {
  const t = initTRPC.context<Context>().create({
    isDev: false,
    errorFormatter: ({ shape, error, path }) => ({
      ...shape,
      data: { ...shape.data, ...(isTold ? idempotencyData({ error, path }) : {}) },
    }),
  });
  const options = {
    idempotency: createIdempotency({ prisma: db.prisma, onDuplicate: "reject" }),
    scope: "global",
    key: ({ input }: { input: { key?: string | undefined } }) => input.key,
  } as const;
  const idempotent = idempotencyMiddleware(options);
  const picky = idempotencyMiddleware({ ...options, storeError: () => false, operation: "picky" });
  // Made once and thrown by many calls.
  const shared = new TRPCError({ code: "PAYMENT_REQUIRED", message: "thrown again and again" });
  const fail = (what: string) => {
    executions += 1;
    if (what === "SHARED") throw shared;
    if (what !== "OK") throw new TRPCError({ code: what as "CONFLICT", message: "failed as asked" });
    return "paid";
  };
  const wrapping = t.procedure.use(async ({ next }) => {
    const result = await next();
    if (result.ok) return result;
    throw new TRPCError({ code: "BAD_GATEWAY", message: "wrapped", cause: result.error });
  });
  const pay = t.procedure.input(Pay);
  return t.router({
    pay: pay.use(idempotent).mutation(({ input }) => fail(input.what)),
    either: pay
      .use(
        (call) => (call.input.key === "released" ? picky(call as never) : idempotent(call as never)) as never,
      )
      .mutation(({ input }) => fail(input.what)),
    wrapped: wrapping
      .input(Pay)
      .use(idempotent)
      .mutation(({ input }) => fail(input.what)),
    nesting: pay.mutation(async ({ ctx, input }) => {
      await shop()
        .createCaller(ctx)
        .pay({ ...input, key: `${input.key} inside` });
    }),
    free: pay.mutation(({ input }) => fail(input.what)),
  });
}

type Shop = ReturnType<typeof shop>;

interface Server extends AsyncDisposable {
  link: TRPCLink<Shop>;
}

const links: Record<string, (router: Shop) => Promise<Server>> = {
  async httpBatchStreamLink(router) {
    const server = await listen(router as AnyTRPCRouter, db.prisma);
    const link = httpBatchStreamLink<Shop>({
      url: server.url,
      headers: idempotencyHeaders,
      fetch: globalThis.fetch as never,
    });
    return { link, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
  async wsLink(router) {
    const server = createServer();
    const wss = new WebSocketServer({ server });
    applyWSSHandler({ wss, router, createContext: () => ({ user: "ada", prisma: db.prisma }) });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = createWSClient({
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      WebSocket: WebSocket as never,
    });
    return {
      link: wsLink({ client }),
      async [Symbol.asyncDispose]() {
        await client.close();
        wss.close();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  },
};

interface Told {
  data?: { idempotency?: { outcome: string; replayed: boolean } } | null;
}

describe.each(Object.entries(links))("over %s, an error tells in its data", (name, open) => {
  let intents = 0;

  /** What a page has in hand after its call, and whether its key has moved on. */
  async function send(
    { link }: Server,
    what: string,
    {
      once = true,
      path = "pay" as "pay" | "wrapped" | "nesting" | "free",
      first = undefined as string | undefined,
    } = {},
  ) {
    const client = createTRPCClient<Shop>({ links: [idempotencyLink(), link] });
    const intent = `${name} ${(intents += 1)} ${once}`;
    const { result, unmount } = renderHook(() => useIdempotencyKey({ intent, once }));
    const { key, settle } = result.current;
    const sent = key();
    const call = async (input: string) =>
      client[path].mutate({ key: sent, what: input }, { context: { idempotencyKey: sent } }).then(
        () => undefined,
        (error: unknown) => error as Told,
      );
    if (first !== undefined) await call(first);
    executions = 0;
    // Beside calls that end otherwise, in one request where the link makes one.
    const [end] = await Promise.all([call(what), client.free.mutate({ what: "OK" })]);
    settle(sent, end);
    const moved = key() !== sent;
    unmount();
    return { told: end?.data?.idempotency, moved, end };
  }

  it.each([
    ["PAYMENT_REQUIRED", "stored", true],
    ["NOT_FOUND", "stored", true],
    ["CONFLICT", "released", false],
    ["INTERNAL_SERVER_ERROR", "released", false],
  ])("%s, which is %s, and the key of an intent follows", async (what, outcome, moved) => {
    await using server = await open(shop());
    for (const once of [true, false]) {
      expect(await send(server, what, { once })).toMatchObject({ told: { outcome, replayed: false }, moved });
    }
  });

  it("a replay, another input, and a success, after which only an intent that may recur has a new key", async () => {
    await using server = await open(shop());
    const replay = await send(server, "NOT_FOUND", { first: "NOT_FOUND" });
    expect(replay).toMatchObject({ told: { outcome: "stored", replayed: true }, moved: true });
    const refused = { told: { outcome: "refused", replayed: false } };
    expect(await send(server, "OK", { first: "NOT_FOUND" })).toMatchObject({ ...refused, moved: false });
    expect(await send(server, "OK", { first: "NOT_FOUND", once: false })).toMatchObject({
      ...refused,
      moved: true,
    });
    expect(await send(server, "OK")).toEqual({ told: undefined, moved: false, end: undefined });
    expect(await send(server, "OK", { once: false })).toEqual({
      told: undefined,
      moved: true,
      end: undefined,
    });
  });

  it("nothing where the middleware was not asked, so that the key stays", async () => {
    await using server = await open(shop());
    expect(await send(server, "NOT_FOUND", { path: "free" })).toMatchObject({
      told: undefined,
      moved: false,
    });
    // What is told of a call inside of another is not told of that other.
    expect(await send(server, "NOT_FOUND", { path: "nesting" })).toMatchObject({
      told: undefined,
      moved: false,
    });
    expect(await send(server, 5 as never)).toMatchObject({ told: undefined, moved: false });
  });

  it("what an error is about that another middleware has wrapped", async () => {
    await using server = await open(shop());
    const stored = await send(server, "NOT_FOUND", { path: "wrapped" });
    expect(stored).toMatchObject({ told: { outcome: "stored" }, moved: true, end: { message: "wrapped" } });
    expect(await send(server, "CONFLICT", { path: "wrapped" })).toMatchObject({
      told: { outcome: "released" },
      moved: false,
    });
  });

  it("nothing of one object that calls have thrown which ended differently", async () => {
    await using server = await open(shop());
    const client = createTRPCClient<Shop>({ links: [server.link] });
    const end = async (key: string) =>
      client.either
        .mutate({ key, what: "SHARED" })
        .catch((error: unknown) => (error as Told).data?.idempotency);
    expect(await end(`${name} a`)).toEqual({ outcome: "stored", replayed: false });
    expect(await end(`${name} b`)).toEqual({ outcome: "stored", replayed: false });
    expect(await end("released")).toBeUndefined();
    expect(await end(`${name} c`)).toBeUndefined();
  });

  it("nothing without idempotencyData, and the key stays", async () => {
    await using server = await open(shop({ isTold: false }));
    expect(await send(server, "NOT_FOUND")).toMatchObject({ told: undefined, moved: false });
  });
});

it("a batch link tells the same in its headers and in its data", async () => {
  await using server = await listen(shop() as AnyTRPCRouter, db.prisma);
  const client = createTRPCClient<Shop>({
    links: [
      idempotencyLink(),
      httpBatchLink({ url: server.url, headers: idempotencyHeaders, fetch: globalThis.fetch as never }),
    ],
  });
  const ends = await Promise.allSettled(
    ["NOT_FOUND", "CONFLICT"].map((what) =>
      client.pay.mutate({ key: `batch ${what}`, what }, { context: { idempotencyKey: `batch ${what}` } }),
    ),
  );
  const errors = ends.map((end) => (end as { reason: Told & { meta: Record<string, unknown> } }).reason);
  expect(errors.map(({ data }) => data?.idempotency?.outcome)).toEqual(["stored", "released"]);
  expect(errors.map(({ meta }) => meta["idempotencyOutcome"])).toEqual(["stored", "released"]);
});
