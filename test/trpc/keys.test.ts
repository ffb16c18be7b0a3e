import type { AddressInfo } from "node:net";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { TRPCError } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { createIdempotency, isIdempotencyError } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type CallOptions, type Context, idempotentOn, order, signal, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const Place = z.object({ key: z.string(), quantity: z.number().optional() });

function orders(options: Parameters<typeof idempotentOn>[1] = {}) {
  const place = t.procedure
    .input(Place)
    .use(idempotentOn(db.prisma, options))
    .mutation(async ({ ctx, input }) => (await ctx.tx.order.create({ data: order(input.key) })).id);
  return app(t.router({ place, other: place }), db.prisma);
}

function codeOf(body: string): unknown {
  return (JSON.parse(body) as { error?: { data: { code: string } } }).error?.data.code;
}

function batch(header: string | undefined, ...inputs: unknown[]): [string, CallOptions] {
  const paths = inputs.map(() => "place").join(",");
  const input = Object.fromEntries(inputs.map((item, index) => [index, item]));
  return [`${paths}?batch=1`, header === undefined ? { input } : { key: header, input }];
}

describe("a key", () => {
  it("is required", async () => {
    const { status, body } = await orders().send("place", { input: { key: "x" } });
    expect([status, codeOf(body)]).toEqual([400, "BAD_REQUEST"]);
    expect(body).toContain("send the header Idempotency-Key");
  });

  it("with another input is refused with 422", async () => {
    const { send } = orders();
    await send("place", { key: "mismatch", input: { key: "mismatch", quantity: 1 } });
    const { status, body } = await send("place", {
      key: "mismatch",
      input: { key: "mismatch", quantity: 2 },
    });
    expect([status, codeOf(body)]).toEqual([422, "UNPROCESSABLE_CONTENT"]);
    expect(await db.countOrders({ key: "mismatch" })).toBe(1);
  });

  it("belongs to one scope and one procedure", async () => {
    const { send } = orders();
    const bodies = [];
    for (const [path, user] of [
      ["place", "ada"],
      ["place", "bob"],
      ["other", "ada"],
    ] as const) {
      bodies.push((await send(path, { key: "scoped", user, input: { key: "scoped" } })).body);
    }
    expect(new Set(bodies).size).toBe(3);
    expect(await db.countOrders({ key: "scoped" })).toBe(3);
  });

  it("is shared by all users in the scope global", async () => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const middleware = idempotencyMiddleware({ idempotency, scope: "global" });
    const place = t.procedure.use(middleware).mutation(({ ctx }) => ctx.user);
    const { send } = app(t.router({ place }), db.prisma);
    await send("place", { key: "global", user: "ada" });
    expect((await send("place", { key: "global", user: "bob" })).body).toContain('"ada"');
  });

  it.each([undefined, null, ""])("without a scope (%j) is refused", async (scope) => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const middleware = idempotencyMiddleware({ idempotency, scope: async () => scope });
    const place = t.procedure.use(middleware).mutation(() => "executed");
    const { status, body } = await app(t.router({ place }), db.prisma).send("place", { key: "scopeless" });
    expect([status, codeOf(body)]).toEqual([500, "INTERNAL_SERVER_ERROR"]);
  });

  it("that is being executed elsewhere is refused with 409 and Retry-After", async () => {
    const started = signal();
    const finish = signal();
    const place = t.procedure.use(idempotentOn(db.prisma, { onDuplicate: "reject" })).mutation(async () => {
      started.give();
      await finish.given;
      return "done";
    });
    const { send } = app(t.router({ place }), db.prisma);
    const first = send("place", { key: "busy" });
    await started.given;
    const duplicate = await send("place", { key: "busy" });
    finish.give();
    expect([duplicate.status, codeOf(duplicate.body)]).toEqual([409, "CONFLICT"]);
    expect(duplicate.headers.get("retry-after")).toBe("1");
    expect((await first).status).toBe(200);
  });

  it("leaves the IdempotencyError in the cause", async () => {
    const router = t.router({ place: t.procedure.use(idempotentOn(db.prisma)).mutation(() => 1) });
    const error = await router
      .createCaller({ user: "ada", prisma: db.prisma })
      .place()
      .catch((thrown: unknown) => thrown as TRPCError);
    const cause = error instanceof TRPCError ? error.cause : undefined;
    expect(isIdempotencyError(cause) && cause.code).toBe("KEY_MISSING");
    expect((error as TRPCError).message).toContain("info from createContext");
  });
});

describe("the keys of a batch", () => {
  it("are one per call, and each call replays alone", async () => {
    const { send } = orders();
    const first = await send(...batch('"b1", "b2"', { key: "b1" }, { key: "b2" }));
    const [one, two] = JSON.parse(first.body) as unknown[];
    const retry = await send(...batch('"b2", "b3"', { key: "b2" }, { key: "b3" }));
    expect(JSON.parse(retry.body)).toEqual([two, expect.anything()]);
    const alone = await send("place", { key: "b1", input: { key: "b1" } });
    expect(JSON.parse(alone.body)).toEqual(one);
    expect(await db.countOrders({ key: "b1" })).toBe(1);
    expect(await db.countOrders({ key: "b2" })).toBe(1);
  });

  it("leave a call without one by ?0", async () => {
    const { send } = orders();
    const { status, body } = await send(...batch('?0, "c2"', { key: "c1" }, { key: "c2" }));
    expect(status).toBe(207);
    expect(JSON.parse(body)).toEqual([
      {
        error: expect.objectContaining({
          message: expect.stringContaining("needs an idempotency key") as unknown,
        }),
      },
      { result: expect.anything() },
    ]);
  });

  it("mark each replay in the response, in the order of the calls", async () => {
    const { send } = orders();
    await send(...batch("d1, d2", { key: "d1" }, { key: "d2" }));
    const replay = await send(...batch("d3, d2", { key: "d3" }, { key: "d2" }));
    expect(replay.headers.get("idempotent-replayed")).toBe("?0, ?1");
    const single = await send(...batch("d1", { key: "d1" }));
    expect(single.headers.get("idempotent-replayed")).toBe("true");
  });

  it.each(['"one"', '"one", "two", "three"', "one", '"one", 5', '"one", "', ""])(
    "are refused before anything runs when the list is %j",
    async (header) => {
      const before = await db.countOrders();
      const { status, body } = await orders().send(...batch(header, { key: "list" }, { key: "list" }));
      expect(status).toBe(400);
      expect((JSON.parse(body) as unknown[]).map((item) => codeOf(JSON.stringify(item)))).toEqual([
        "BAD_REQUEST",
        "BAD_REQUEST",
      ]);
      expect(await db.countOrders()).toBe(before);
    },
  );
});

it("answers any header with a result or 400", async () => {
  const place = t.procedure.use(idempotentOn(db.prisma)).mutation(() => "done");
  const { send } = app(t.router({ place }), db.prisma);
  const headerValue = fc.string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  });
  const hostile = fc.oneof(
    headerValue,
    headerValue.map((text) => `"${text}"`),
    fc.constantFrom(
      "?0",
      "?1",
      "()",
      ":aGk=:",
      "1",
      "a;b",
      "__proto__",
      '"a',
      "\t",
      '"\\"',
      "é",
      "a,b",
      `"${"k".repeat(256)}"`,
    ),
  );
  await fc.assert(
    fc.asyncProperty(hostile, fc.boolean(), async (key, batched) => {
      const { status } = await send(batched ? "place,place?batch=1" : "place", { key, input: {} });
      // 422 where two keys of the run are the same, once in a batch and once alone.
      expect([200, 207, 400, 422]).toContain(status);
    }),
    { numRuns: 200 },
  );
});

describe("the header", () => {
  it("does not lend its key to a nested createCaller", async () => {
    const seen: unknown[] = [];
    const optional = { idempotency: { requireKey: false } };
    const inner = t.procedure
      .use(idempotentOn(db.prisma))
      .meta(optional)
      .mutation(({ ctx }) => seen.push(ctx.idempotency.key));
    const router = t.router({
      inner,
      outer: t.procedure.mutation(async ({ ctx }) => {
        // The same path and index as the call that the header belongs to.
        await t.router({ inner, outer: inner }).createCaller(ctx).inner();
        await t.router({ inner, outer: inner }).createCaller(ctx).outer();
      }),
    });
    const { send } = app(router, db.prisma);
    expect((await send("outer", { key: "lent" })).status).toBe(200);
    expect((await send("inner", { key: "own" })).status).toBe(200);
    expect(seen).toEqual([undefined, undefined, "own"]);
  });

  it("of a WebSocket upgrade does not lend its key to any call", async () => {
    const seen: unknown[] = [];
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      key: ({ input }: { input: { key?: string | undefined } }) => input.key,
    });
    const place = t.procedure
      .input(z.object({ key: z.string().optional() }))
      .use(idempotent)
      .mutation(({ ctx }) => seen.push(ctx.idempotency.key));
    const router = t.router({ place });
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    const upgrades: unknown[] = [];
    applyWSSHandler({
      wss: server,
      router,
      createContext: ({ req, info }): Context => {
        upgrades.push(req.headers["idempotency-key"]);
        return { user: "ada", prisma: db.prisma, req, info };
      },
    });
    await new Promise((resolve) => server.once("listening", resolve));
    class UpgradeWithKey extends WebSocket {
      constructor(url: string | URL) {
        super(url, { headers: { "idempotency-key": '"upgrade"' } });
      }
    }
    const client = createWSClient({
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      WebSocket: UpgradeWithKey as never,
    });
    const trpc = createTRPCClient<typeof router>({ links: [wsLink({ client })] });
    await expect(trpc.place.mutate({})).rejects.toThrow("place needs an idempotency key");
    await trpc.place.mutate({ key: "in the input" });
    await trpc.place.mutate({ key: "in the input" });
    await client.close();
    server.close();
    expect(upgrades).toEqual(['"upgrade"']);
    expect(seen).toEqual(["in the input"]);
  });

  it.each([true, false])("is refused with requireKey %j if the context has no info", async (requireKey) => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const middleware = idempotencyMiddleware({ idempotency, scope: "global", requireKey });
    const place = t.procedure.use(middleware).mutation(() => "executed");
    const { handle } = app(t.router({ place }), db.prisma, { info: undefined });
    const response = await handle(
      new Request("http://test/trpc/place", {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": "no-info" },
      }),
    );
    expect(response.status).toBe(400);
    expect(await response.text()).toContain("return req and info from createContext");
  });

  it("is found in a context of another shape", async () => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const middleware = idempotencyMiddleware({
      idempotency,
      scope: "global",
      request: ({ ctx }: { ctx: Context & { http?: Context | undefined } }) => ({
        headers: { "Idempotency-Key": [(ctx.http?.req?.headers as Headers | undefined)?.get("x-key") ?? ""] },
        info: ctx.http?.info,
        resHeaders: ctx.http?.resHeaders,
      }),
    });
    const rename = t.middleware(({ ctx, next }) =>
      next({ ctx: { http: ctx, req: undefined, info: undefined } }),
    );
    const place = t.procedure
      .use(rename)
      .use(middleware)
      .mutation(({ ctx }) => ctx.idempotency.key);
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { headers: { "x-key": "renamed" } })).body).toContain("renamed");
    const replay = await send("place", { headers: { "x-key": "renamed" } });
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
  });
});

function keyedByOption() {
  return idempotencyMiddleware({
    idempotency: createIdempotency({ prisma: db.prisma }),
    scope: "global",
    key: async ({ ctx, input }: { ctx: { user: string }; input: { key?: unknown } }) =>
      ctx.user === "from ctx" ? ctx.user : (input.key as string | undefined),
  });
}

function placeByOption() {
  return t.procedure
    .input(z.object({ key: z.unknown().optional() }))
    .use(keyedByOption())
    .mutation(({ ctx }) => `${ctx.idempotency.key}`);
}

describe("option key", () => {
  it("reads the key from the input or the context, also of createCaller", async () => {
    const router = t.router({ place: placeByOption() });
    expect(await router.createCaller({ user: "ada", prisma: db.prisma }).place({ key: "from input" })).toBe(
      "from input",
    );
    expect(await router.createCaller({ user: "from ctx", prisma: db.prisma }).place({ key: 1 })).toBe(
      "from ctx",
    );
  });

  it("comes before the header, which it falls back to", async () => {
    const { send } = app(t.router({ place: placeByOption() }), db.prisma);
    expect((await send("place", { key: "header", input: { key: "input" } })).body).toContain('"input"');
    expect((await send("place", { key: "header", input: {} })).body).toContain('"header"');
  });

  it.each([5, "", "x".repeat(256), "ä", {}])("is refused with 400 when it gives %j", async (key) => {
    const { send } = app(t.router({ place: placeByOption() }), db.prisma);
    expect((await send("place", { input: { key } })).status).toBe(400);
  });
});
