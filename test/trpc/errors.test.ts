import { initTRPC, TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createIdempotency, type RunOptions, UnstorableValueError } from "../../src/index.ts";
import { type IdempotencyMeta, idempotencyMiddleware, isExpectedError } from "../../src/trpc/index.ts";
import { databases, openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, idempotentOn, order } from "./support.ts";

class Socket {
  readonly fd = 3;
}

class OutOfStock extends Error {
  override readonly name = "OutOfStock";
  readonly available = 3;
  readonly socket = new Socket();
}

const t = initTRPC
  .context<Context>()
  .meta<IdempotencyMeta>()
  .create({
    isDev: false,
    errorFormatter: ({ shape, error }) => ({
      ...shape,
      data: {
        ...shape.data,
        cause: error.cause?.name,
        available: (error.cause as Partial<OutOfStock>)?.available,
      },
    }),
  });

/** A mutation that writes an order and then fails with what `fail` gives. */
function failing(db: TestDatabase, fail: (attempt: number) => unknown, options: RunOptions = {}) {
  let attempts = 0;
  const place = t.procedure.use(idempotentOn(db.prisma, options)).mutation(async ({ ctx }) => {
    attempts += 1;
    await ctx.tx.order.create({ data: order(ctx.idempotency.key ?? "") });
    throw fail(attempts);
  });
  return { ...app(t.router({ place }), db.prisma), attempts: () => attempts };
}

describe.each(databases)("an error on $name", ({ open }) => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await open();
  });
  afterAll(() => db[Symbol.asyncDispose]());

  it("that is expected is the same on every duplicate, in the application's own format, with its writes undone", async () => {
    const cause = new OutOfStock("secret shelf");
    const { send, attempts } = failing(
      db,
      () => new TRPCError({ code: "PRECONDITION_FAILED", message: "Sold out", cause }),
    );
    const first = await send("place", { key: "expected" });
    const replay = await send("place", { key: "expected" });
    expect(first.status).toBe(412);
    expect(JSON.parse(first.body)).toMatchObject({
      error: {
        message: "Sold out",
        data: { code: "PRECONDITION_FAILED", cause: "OutOfStock", available: 3 },
      },
    });
    expect([replay.status, replay.body]).toEqual([412, first.body]);
    expect(replay.headers.get("idempotent-replayed")).toBe("true");
    expect([attempts(), await db.countOrders({ key: "expected" })]).toEqual([1, 0]);
  });

  it("that is expected is told by another process", async () => {
    const failingApp = () =>
      failing(db, (attempt) => new TRPCError({ code: "PRECONDITION_FAILED", message: `${attempt}` }));
    const [one, other] = [failingApp(), failingApp()];
    const first = await one.send("place", { key: "elsewhere" });
    expect([first.status, one.attempts()]).toEqual([412, 1]);
    const retry = await other.send("place", { key: "elsewhere" });
    expect([retry.status, retry.body, other.attempts()]).toEqual([412, first.body, 0]);
    expect(retry.headers.get("idempotent-replayed")).toBe("true");
    expect(await db.countOrders({ key: "elsewhere" })).toBe(0);
  });

  it("that wraps a failed statement is stored too", async () => {
    const place = t.procedure.use(idempotentOn(db.prisma)).mutation(async ({ ctx }) => {
      const { id } = await ctx.tx.order.create({ data: order("unique") });
      try {
        return await ctx.tx.order.create({ data: { id, ...order("unique") } });
      } catch (cause) {
        throw new TRPCError({ code: "BAD_REQUEST", message: `Taken at ${Date.now()}`, cause });
      }
    });
    const { send } = app(t.router({ place }), db.prisma);
    const first = await send("place", { key: "unique" });
    expect(JSON.parse(first.body)).toMatchObject({
      error: { data: { cause: "PrismaClientKnownRequestError" } },
    });
    expect((await send("place", { key: "unique" })).body).toBe(first.body);
    expect(await db.countOrders({ key: "unique" })).toBe(0);
  });

  it.each([
    "UNAUTHORIZED",
    "FORBIDDEN",
    "TIMEOUT",
    "CONFLICT",
    "TOO_MANY_REQUESTS",
    "CLIENT_CLOSED_REQUEST",
    "INTERNAL_SERVER_ERROR",
    "SERVICE_UNAVAILABLE",
  ] as const)("with code %s releases the key", async (code) => {
    const { send, attempts } = failing(
      db,
      (attempt) => new TRPCError({ code, message: `attempt ${attempt}` }),
    );
    expect((await send("place", { key: code })).body).toContain("attempt 1");
    expect((await send("place", { key: code })).body).toContain("attempt 2");
    expect([attempts(), await db.countOrders({ key: code })]).toEqual([2, 0]);
  });

  it("that is unexpected rolls back, and its text is stored nowhere", async () => {
    const { send, attempts } = failing(db, () => new Error("password=hunter2"));
    expect((await send("place", { key: "unexpected" })).status).toBe(500);
    expect((await send("place", { key: "unexpected" })).status).toBe(500);
    expect([attempts(), await db.countOrders({ key: "unexpected" })]).toEqual([2, 0]);
    const records = await db.query("SELECT * FROM idempotency_record");
    expect(JSON.stringify(records)).not.toContain("hunter2");
    expect(records.filter(({ key }) => key === "unexpected")).toEqual([]);
  });
});

it("reaches the caller as the object that the handler threw", async () => {
  await using db = await openSqlite();
  for (const error of [new TRPCError({ code: "NOT_FOUND" }), new TRPCError({ code: "CONFLICT" })]) {
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      key: () => error.code,
    });
    const place = t.procedure.use(idempotent).mutation(() => Promise.reject(error));
    const caller = t.router({ place }).createCaller({ user: "ada", prisma: db.prisma });
    await expect(caller.place()).rejects.toBe(error);
  }
});

it("is replayed as a TRPCError with its own fields and those of its cause", async () => {
  await using db = await openSqlite();
  const cause = Object.assign(new OutOfStock("none left"), { at: new Date(5) });
  const error = Object.assign(new TRPCError({ code: "NOT_FOUND", message: "Gone", cause }), { appCode: 7 });
  const idempotent = idempotencyMiddleware({
    idempotency: createIdempotency({ prisma: db.prisma }),
    scope: "global",
    key: () => "fields",
  });
  const place = t.procedure.use(idempotent).mutation(() => Promise.reject(error));
  const caller = t.router({ place }).createCaller({ user: "ada", prisma: db.prisma });
  await expect(caller.place()).rejects.toBe(error);
  const replayed = await caller.place().catch((thrown: unknown) => thrown as typeof error);
  expect(replayed).toBeInstanceOf(TRPCError);
  expect(replayed).not.toBe(error);
  expect(replayed).toMatchObject({ name: "TRPCError", code: "NOT_FOUND", message: "Gone", appCode: 7 });
  expect(replayed.cause).toMatchObject({
    name: "OutOfStock",
    message: "none left",
    available: 3,
    at: new Date(5),
  });
  expect(replayed.cause).not.toHaveProperty("socket");
});

it("is chosen and written by the application's own functions", async () => {
  await using db = await openSqlite();
  let attempts = 0;
  const idempotent = idempotencyMiddleware({
    idempotency: createIdempotency({ prisma: db.prisma }),
    scope: "global",
    storeError: (error) => error.code === "CONFLICT" || isExpectedError(error),
    errors: {
      serialize: (error) => (error as TRPCError).message,
      deserialize: (message) => new TRPCError({ code: "CONFLICT", message: `${message as string}, again` }),
    },
  });
  const place = t.procedure.use(idempotent).mutation(() => {
    attempts += 1;
    throw new TRPCError({ code: "CONFLICT", message: "Overlap" });
  });
  const { send } = app(t.router({ place }), db.prisma);
  expect((await send("place", { key: "own" })).body).toContain('"Overlap"');
  expect((await send("place", { key: "own" })).body).toContain('"Overlap, again"');
  expect(attempts).toBe(1);
});

it("is chosen by createIdempotency where the middleware does not say", async () => {
  await using db = await openSqlite();
  let attempts = 0;
  const idempotent = idempotentOn(db.prisma, {
    storeError: (error) => (error as TRPCError).code === "CONFLICT",
  });
  const place = t.procedure.use(idempotent).mutation(() => {
    attempts += 1;
    throw new TRPCError({ code: "CONFLICT" });
  });
  const { send } = app(t.router({ place }), db.prisma);
  await send("place", { key: "base" });
  expect((await send("place", { key: "base" })).status).toBe(409);
  expect(attempts).toBe(1);
});

it("of this package, from a procedure that the handler calls, is not stored", async () => {
  await using db = await openSqlite();
  const idempotent = idempotentOn(db.prisma);
  let attempts = 0;
  const inner = t.router({ pay: t.procedure.use(idempotent).mutation(() => "paid") });
  const place = t.procedure.use(idempotent).mutation(({ ctx }) => {
    attempts += 1;
    return inner.createCaller(ctx).pay();
  });
  const { send } = app(t.router({ place }), db.prisma);
  expect((await send("place", { key: "nested" })).status).toBe(400);
  expect((await send("place", { key: "nested" })).status).toBe(400);
  expect(attempts).toBe(2);
});

describe("a result that cannot be replayed", () => {
  const results = {
    "async iterable": async function* () {
      yield await Promise.resolve(1);
    },
    "nested promise": () => ({ later: Promise.resolve(1) }),
    Response: () => new Response("body"),
    stream: () => new ReadableStream(),
    "class instance": () => new Socket(),
    function: () => ({ call() {} }),
  };

  it.each(Object.entries(results))("is rolled back: %s", async (_, give) => {
    await using db = await openSqlite();
    const idempotent = idempotentOn(db.prisma);
    const place = t.procedure.use(idempotent).mutation(async ({ ctx }): Promise<unknown> => {
      await ctx.tx.order.create({ data: order("unstorable") });
      return give();
    });
    const { send } = app(t.router({ place }), db.prisma);
    const { status, body } = await send("place", { key: "unstorable" });
    expect(status).toBe(500);
    expect(body).toContain("cannot be stored");
    expect(await db.countOrders()).toBe(0);
  });

  it("is larger than resultBytesMax", async () => {
    await using db = await openSqlite();
    const place = t.procedure
      .use(idempotentOn(db.prisma, { resultBytesMax: 100 }))
      .mutation(
        async ({ ctx }) => `${(await ctx.tx.order.create({ data: order("large") })).id}${"x".repeat(100)}`,
      );
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { key: "large" })).body).toContain("resultBytesMax is 100");
    expect(await db.countOrders()).toBe(0);
  });

  it("is named by a codec of the application's own", async () => {
    await using db = await openSqlite();
    const idempotent = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      codec: {
        name: "picky",
        encode: () => {
          throw new UnstorableValueError("not today", ".cart");
        },
        decode: (text) => text,
      },
    });
    const { send } = app(t.router({ place: t.procedure.use(idempotent).mutation(() => 1) }), db.prisma);
    expect((await send("place", { key: "picky" })).body).toContain("at .cart (not today)");
  });
});

it("that is a write conflict is repeated where retryConflicts asks for it, though tRPC wraps it", async () => {
  await using db = await openSqlite();
  let attempts = 0;
  const place = t.procedure.use(idempotentOn(db.prisma, { retryConflicts: 1 })).mutation(async ({ ctx }) => {
    attempts += 1;
    await ctx.tx.order.create({ data: order("conflict") });
    if (attempts === 1) {
      throw Object.assign(new Error("write conflict"), { code: "P2034" });
    }
    return attempts;
  });
  const { send } = app(t.router({ place }), db.prisma);
  expect((await send("place", { key: "conflict" })).body).toBe('{"result":{"data":2}}');
  expect(await db.countOrders({ key: "conflict" })).toBe(1);
});

it("is chosen by the storeError of createIdempotency where the middleware has none", async () => {
  await using db = await openSqlite();
  let attempts = 0;
  const storeError = (error: unknown) => (error as TRPCError).code === "CONFLICT";
  const place = t.procedure.use(idempotentOn(db.prisma, { storeError })).mutation(() => {
    attempts += 1;
    throw new TRPCError({ code: "CONFLICT", message: `attempt ${attempts}` });
  });
  const { send } = app(t.router({ place }), db.prisma);
  const first = await send("place", { key: "own" });
  expect((await send("place", { key: "own" })).body).toBe(first.body);
});
