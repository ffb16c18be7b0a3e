import { initTRPC } from "@trpc/server";
import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import superjson, { serialize } from "superjson";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, idempotentOn, order, t } from "./support.ts";

const Place = z.object({ key: z.string(), quantity: z.number().default(1) });

describe.each(databases)("a replay on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it("has the bytes of the first answer, and one execution behind it", async () => {
    const place = t.procedure
      .input(Place)
      .use(idempotentOn(db.prisma))
      .mutation(async ({ ctx, input }) => {
        const row = await ctx.tx.order.create({
          data: order(input.key, input.quantity),
          omit: { big: true },
        });
        return {
          ...row,
          at: new Date(),
          missing: undefined,
          list: [undefined, -0, Number.NaN],
          é: "\0\u2028",
        };
      });
    const { send } = app(t.router({ place }), db.prisma);
    const first = await send("place", { key: '"bytes"', input: { key: "bytes", quantity: 1 } });
    const replay = await send("place", { key: '"bytes"', input: { quantity: 1, key: "bytes" } });
    expect(first.status).toBe(200);
    expect([replay.status, replay.body]).toEqual([200, first.body]);
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
    expect(await db.countOrders({ key: "bytes" })).toBe(1);
  });

  it("has the bytes of the first answer through superjson", async () => {
    const sj = initTRPC.context<Context>().create({ isDev: false, transformer: superjson });
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      transformer: { input: superjson, output: superjson },
    });
    const place = sj.procedure
      .input(Place)
      .use(idempotent)
      .mutation(async ({ ctx, input }) => {
        const row = await ctx.tx.order.create({ data: order(input.key) });
        return {
          row,
          map: new Map([[1n, new Set([row.createdAt])]]),
          missing: undefined,
          url: new URL("http://a/b"),
        };
      });
    const { send } = app(sj.router({ place }), db.prisma);
    const request = { key: '"superjson"', input: serialize({ key: "superjson" }) };
    const first = await send("place", request);
    const replay = await send("place", request);
    expect(first.status).toBe(200);
    expect(first.body).toContain('"bigint"');
    expect(replay.body).toBe(first.body);
    expect(await db.countOrders({ key: "superjson" })).toBe(1);
    const [record] = await db.query("SELECT response FROM idempotency_record WHERE key = 'superjson'");
    const { result } = JSON.parse(first.body) as { result: { data: unknown } };
    expect(record?.["response"]).toBe(`transformer:${JSON.stringify(result.data)}`);
  });

  it("waits for the execution under way and takes its answer", async () => {
    const place = t.procedure
      .input(Place)
      .use(idempotentOn(db.prisma))
      .mutation(async ({ ctx, input }) => (await ctx.tx.order.create({ data: order(input.key) })).id);
    const { send } = app(t.router({ place }), db.prisma);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send("place", { key: "burst", input: { key: "burst" } })),
    );
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.has("idempotent-replayed"))).toHaveLength(9);
    expect(await db.countOrders({ key: "burst" })).toBe(1);
  });

  it("runs output() inside the transaction, and not again", async () => {
    let parsed = 0;
    const Output = z.object({ at: z.date().transform((date) => (parsed++, date.getUTCFullYear())) });
    const place = t.procedure
      .input(Place)
      .use(idempotentOn(db.prisma))
      .output(Output)
      .mutation(async ({ ctx, input }) => {
        await ctx.tx.order.create({ data: order(input.key) });
        return { at: new Date("2026-01-02T03:04:05Z") };
      });
    const { send } = app(t.router({ place }), db.prisma);
    const answers = [];
    for (let count = 0; count < 2; count += 1) {
      answers.push(await send("place", { key: "output", input: { key: "output" } }));
    }
    expect(answers.map(({ body }) => body)).toEqual(Array(2).fill('{"result":{"data":{"at":2026}}}'));
    expect(parsed).toBe(1);
  });

  it("rolls back what fails its output validation, and executes again", async () => {
    let attempts = 0;
    const place = t.procedure
      .input(Place)
      .use(idempotentOn(db.prisma))
      .output(z.literal("second"))
      .mutation(async ({ ctx, input }) => {
        attempts += 1;
        await ctx.tx.order.create({ data: order(input.key) });
        return (attempts === 1 ? "first" : "second") as "second";
      });
    const { send } = app(t.router({ place }), db.prisma);
    const request = { key: "invalid-output", input: { key: "invalid-output" } };
    const first = await send("place", request);
    expect([first.status, await db.countOrders({ key: "invalid-output" })]).toEqual([500, 0]);
    const second = await send("place", request);
    expect([second.status, await db.countOrders({ key: "invalid-output" })]).toEqual([200, 1]);
  });
});

describe("the handler's context", () => {
  it("has the transaction, the key, the attempt, derived keys and afterCommit", async () => {
    await using db = await openSqlite();
    const done: string[] = [];
    const place = t.procedure.use(idempotentOn(db.prisma)).mutation(({ ctx }) => {
      const { key, attempt, deriveKey, afterCommit } = ctx.idempotency;
      afterCommit(() => done.push("committed"));
      return { key, attempt, stable: deriveKey("mail") === deriveKey("mail"), joined: ctx.tx !== ctx.prisma };
    });
    const { send } = app(t.router({ place }), db.prisma);
    const { body } = await send("place", { key: "context" });
    await send("place", { key: "context" });
    expect(JSON.parse(body)).toEqual({
      result: { data: { key: "context", attempt: 1, stable: true, joined: true } },
    });
    expect(done).toEqual(["committed"]);
  });

  it("has the transaction under the name of the application's own client", async () => {
    await using db = await openSqlite();
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      provide: "prisma",
    });
    const place = t.procedure.use(idempotent).mutation(async ({ ctx }) => {
      await ctx.prisma.order.create({ data: order("own") });
      throw new Error("lost");
    });
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { key: "own" })).status).toBe(500);
    expect(await db.countOrders()).toBe(0);
  });
});

it("leaves queries and subscriptions untouched", async () => {
  await using db = await openSqlite();
  const idempotent = idempotentOn(db.prisma);
  const seen: object[] = [];
  const router = t.router({
    ask: t.procedure.use(idempotent).query(({ ctx }) => seen.push(ctx)),
    watch: t.procedure.use(idempotent).subscription(async function* ({ ctx }) {
      seen.push(ctx);
      yield 1;
    }),
  });
  const context: Context = { user: "ada", prisma: db.prisma };
  const caller = router.createCaller(context);
  await caller.ask();
  for await (const value of await caller.watch()) expect(value).toBe(1);
  expect(seen).toHaveLength(2);
  expect(seen.every((ctx) => ctx === context)).toBe(true);
});

/** Values of every kind that goes through superjson. Names that superjson refuses, or that promises have, are left out. */
function values({ sets }: { sets: boolean }): fc.Arbitrary<unknown> {
  const name = fc
    .string()
    .filter((text) => !["__proto__", "constructor", "prototype", "then"].includes(text));
  return fc.letrec((tie) => ({
    leaf: fc.oneof(
      fc.string({ unit: "binary" }),
      fc.double(),
      fc.boolean(),
      fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }),
      fc.integer().map((digits) => new Decimal(digits).div(100)),
      fc.webUrl().map((url) => new URL(url)),
    ),
    node: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      tie("leaf"),
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(name, tie("node"), { maxKeys: 4 }),
      fc.array(fc.tuple(fc.string(), tie("node")), { maxLength: 3 }).map((entries) => new Map(entries)),
      ...(sets ? [fc.array(tie("leaf"), { maxLength: 3 }).map((items) => new Set(items))] : []),
    ),
  })).node;
}

describe("a superjson router gives byte-equal bodies for any value", () => {
  const sj = initTRPC.context<Context>().create({ isDev: false, transformer: superjson });

  it.each([
    { stored: "by the default codec", options: {}, value: values({ sets: true }) },
    // superjson brings a Set back in another order if a member also stands elsewhere in the value.
    { stored: "by superjson", options: { transformer: superjson }, value: values({ sets: false }) },
  ])("stored $stored", async ({ options, value }) => {
    await using db = await openSqlite();
    let result: unknown;
    const idempotency = createIdempotency({ prisma: db.prisma });
    const middleware = idempotencyMiddleware({ idempotency, scope: "global", ...options });
    const router = sj.router({ give: sj.procedure.use(middleware).mutation(() => result) });
    const { send } = app(router, db.prisma);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(value, async (generated) => {
        result = generated;
        count += 1;
        const first = await send("give", { key: `value-${count}` });
        result = "executed again";
        const replay = await send("give", { key: `value-${count}` });
        expect(first.status).toBe(200);
        expect(replay.body).toBe(first.body);
      }),
      { numRuns: 100 },
    );
  });
});
