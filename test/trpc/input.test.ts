import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import type * as trpcServer from "@trpc/server";
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, idempotentOn, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

describe("what a retry must repeat", () => {
  it("includes what only a parser after the middleware reads", async () => {
    const idempotent = idempotentOn(db.prisma);
    const base = t.procedure.input(z.object({ org: z.string() })).use(idempotent);
    let ran = 0;
    const pay = base.input(z.object({ amount: z.number() })).mutation(({ input }) => {
      ran += 1;
      return input;
    });
    const { send } = app(t.router({ pay }), db.prisma);
    const first = await send("pay", { key: "later", input: { org: "a", amount: 10 } });
    expect(JSON.parse(first.body)).toEqual({ result: { data: { org: "a", amount: 10 } } });
    expect((await send("pay", { key: "later", input: { amount: 10, org: "a" } })).body).toBe(first.body);
    expect((await send("pay", { key: "later", input: { org: "a", amount: 9999 } })).status).toBe(422);
    expect(ran).toBe(1);
  });

  it("excludes defaults that the server makes", async () => {
    const place = t.procedure
      .input(
        z.object({
          at: z.date().default(() => new Date()),
          id: z.string().default(() => randomUUID()),
          item: z.string(),
        }),
      )
      .use(idempotentOn(db.prisma))
      .mutation(({ input }) => input.id);
    const { send } = app(t.router({ place }), db.prisma);
    const first = await send("place", { key: "defaults", input: { item: "lamp" } });
    const retry = await send("place", { key: "defaults", input: { item: "lamp" } });
    expect([first.status, retry.body]).toEqual([200, first.body]);
    expect((await send("place", { key: "defaults", input: { item: "desk" } })).status).toBe(422);
  });

  it("excludes what a parser makes of it, such as an instance with private state", async () => {
    class Money {
      readonly #cents: number;
      constructor(cents: number) {
        this.#cents = cents;
      }
      get cents() {
        return this.#cents;
      }
    }
    const pay = t.procedure
      .input(z.object({ cents: z.number() }).transform(({ cents }) => new Money(cents)))
      .use(idempotentOn(db.prisma))
      .mutation(({ input }) => input.cents);
    const { send } = app(t.router({ pay }), db.prisma);
    const answers = [5, 5, 6].map((cents) => () => send("pay", { key: "money", input: { cents } }));
    const got: [number, string][] = [];
    for (const answer of answers) {
      const { status, body } = await answer();
      got.push([status, body]);
    }
    const paid: [number, string] = [200, '{"result":{"data":5}}'];
    expect(got).toEqual([paid, paid, [422, expect.stringContaining("with another input")]]);
  });

  it("is what option input says", async () => {
    const pay = t.procedure
      .input(z.object({ id: z.string(), sentAt: z.number() }))
      .use(
        idempotencyMiddleware({
          idempotency: createIdempotency({ prisma: db.prisma }),
          scope: ({ ctx }: { ctx: Context }) => ctx.user,
          input: ({ rawInput, path }) => [path, (rawInput as { id: string }).id],
        }),
      )
      .mutation(({ input }) => input.sentAt);
    const { send } = app(t.router({ pay }), db.prisma);
    expect((await send("pay", { key: "own", input: { id: "a", sentAt: 1 } })).body).toContain("1");
    expect((await send("pay", { key: "own", input: { id: "a", sentAt: 2 } })).body).toBe(
      '{"result":{"data":1}}',
    );
    expect((await send("pay", { key: "own", input: { id: "b", sentAt: 2 } })).status).toBe(422);
  });

  it("is the argument of createCaller, or nothing", async () => {
    let ran = 0;
    const keyed = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      key: ({ ctx }: { ctx: Context }) => ctx.user,
    });
    const ping = t.procedure.use(keyed).mutation(() => (ran += 1));
    const pay = t.procedure
      .input(z.object({ amount: z.number().default(() => Math.random()) }))
      .use(keyed)
      .mutation(() => (ran += 1));
    const caller = t.router({ ping, pay }).createCaller({ user: "caller", prisma: db.prisma });
    expect([await caller.ping(), await caller.ping()]).toEqual([1, 1]);
    expect([await caller.pay({}), await caller.pay({})]).toEqual([2, 2]);
    await expect(caller.pay({ amount: 1 })).rejects.toThrow("with another input");
  });
});

describe("an error of a parser", () => {
  const parsers = {
    zod: z.object({ amount: z.number() }),
    function: (value: unknown) => {
      const { amount } = value as { amount: unknown };
      if (typeof amount !== "number") {
        throw new Error("amount is no number");
      }
      return { amount };
    },
  };

  it.each(Object.entries(parsers))(
    "after the middleware leaves the key to the corrected request (%s)",
    async (name, parser) => {
      let ran = 0;
      const pay = t.procedure
        .use(
          idempotencyMiddleware({
            idempotency: createIdempotency({ prisma: db.prisma }),
            scope: ({ ctx }: { ctx: Context }) => ctx.user,
            storeError: () => true,
          }),
        )
        .input(parser as typeof parsers.zod)
        .mutation(({ input }) => {
          ran += 1;
          return input.amount;
        });
      const { send } = app(t.router({ pay }), db.prisma);
      expect((await send("pay", { key: name, input: { amount: "ten" } })).status).toBe(400);
      expect((await send("pay", { key: name, input: { amount: 10 } })).body).toBe('{"result":{"data":10}}');
      expect((await send("pay", { key: name, input: { amount: 10 } })).body).toBe('{"result":{"data":10}}');
      expect((await send("pay", { key: name, input: { amount: "ten" } })).status).toBe(422);
      expect(ran).toBe(1);
    },
  );

  it("is known where a bundler gave the application another copy of tRPC", async () => {
    // The CommonJS build beside the one of ES modules.
    const other = createRequire(import.meta.url)("@trpc/server") as typeof trpcServer;
    expect(other.TRPCError).not.toBe(TRPCError);
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      key: () => "another copy",
      storeError: () => true,
    });
    const { procedure, router } = other.initTRPC.create();
    const pay = procedure
      .use(idempotent)
      .input(z.number())
      .mutation(({ input }) => input);
    const caller = router({ pay }).createCaller({});
    await expect(caller.pay("ten" as unknown as number)).rejects.toThrow("expected number");
    expect(await caller.pay(10)).toBe(10);
  });

  it("is not confused with a BAD_REQUEST of the handler's own, which is stored", async () => {
    let ran = 0;
    const fail = (cause: Error | undefined, message?: string) => () => {
      ran += 1;
      throw new TRPCError({ code: "BAD_REQUEST", ...(message === undefined ? {} : { message }), cause });
    };
    const before = t.procedure.input(z.number()).use(idempotentOn(db.prisma));
    const after = t.procedure.use(idempotentOn(db.prisma)).input(z.number());
    const router = t.router({
      wraps: before.mutation(fail(new Error("no"))),
      says: after.mutation(fail(new Error("no"), "No stock")),
      plain: after.mutation(fail(undefined, "No")),
    });
    const { send } = app(router, db.prisma);
    for (const path of ["wraps", "says", "plain"]) {
      ran = 0;
      const first = await send(path, { key: path, input: 1 });
      expect([first.status, (await send(path, { key: path, input: 1 })).body, ran]).toEqual([
        400,
        first.body,
        1,
      ]);
    }
  });
});

describe("an input that cannot be compared", () => {
  const superT = initTRPC.context<Context>().create({ isDev: false, transformer: superjson });
  it.each([
    ["an Error of superjson", () => ({ e: new Error("x") }), 400, "BAD_REQUEST"],
    ["601 levels", () => JSON.parse("[".repeat(601) + "]".repeat(601)) as unknown, 400, "BAD_REQUEST"],
    ["9 MB", () => Array.from({ length: 9_000 }, (_, n) => `${n}`.padEnd(1_000)), 413, "PAYLOAD_TOO_LARGE"],
  ] as const)("is the client's mistake: %s", async (name, input, status, code) => {
    const place = superT.procedure
      .input(z.unknown())
      .use(idempotentOn(db.prisma))
      .mutation(() => "executed");
    const { send } = app(superT.router({ place }), db.prisma);
    const reply = await send("place", { key: `"${name}"`, input: superjson.serialize(input()) });
    expect([reply.status, reply.body]).toEqual([status, expect.stringContaining(`"code":"${code}"`)]);
    expect(reply.body).toContain("only what identifies the request");
  });
});

describe("option operation", () => {
  it("names the record, as a text or by the call", async () => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const named = (operation: string | ((call: { path: string }) => string)) =>
      t.procedure
        .use(
          idempotencyMiddleware({ idempotency, scope: ({ ctx }: { ctx: Context }) => ctx.user, operation }),
        )
        .mutation(({ path }) => path);
    const router = t.router({
      place: named("orders.place"),
      placeOld: named(({ path }) => (path === "placeOld" ? "orders.place" : path)),
      other: named(({ path }) => path),
    });
    const { send } = app(router, db.prisma);
    expect((await send("place", { key: "named" })).body).toBe('{"result":{"data":"place"}}');
    expect((await send("placeOld", { key: "named" })).body).toBe('{"result":{"data":"place"}}');
    expect((await send("other", { key: "named" })).body).toBe('{"result":{"data":"other"}}');
    const caller = router.createCaller({ user: "bo", prisma: db.prisma });
    await expect(caller.place()).rejects.toThrow("needs an idempotency key");
  });
});

it("a second middleware is refused where the first has changed how the input is read", async () => {
  const twice = t.procedure
    .use(idempotentOn(db.prisma))
    .input(z.number())
    .use(idempotentOn(db.prisma))
    .mutation(() => 1);
  const { send } = app(t.router({ twice }), db.prisma);
  const { status, body } = await send("twice", { key: "twice", input: 1 });
  expect([status, body]).toEqual([500, expect.stringContaining("uses idempotencyMiddleware twice")]);
});
