import { lazy, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type AbandonedRun, createCompleter, createIdempotency, type RunOptions } from "../../src/index.ts";
import { idempotencyMiddleware, type TRPCCompleterOptions, trpcCompleter } from "../../src/trpc/index.ts";
import type { TestClient } from "../support/clients.ts";
import { databases, type TestDatabase } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import { type Context, lapse, orderOf, paymentService, recordsOf, serve, t } from "./trpc-support.ts";

type Idempotency = ReturnType<typeof idempotencyOf>;

const idempotencyOf = (prisma: TestClient, options: RunOptions = {}) =>
  createIdempotency({ prisma, storeInput: true, ...options });

/** Its functions must not be asked about a resumed run: what the context says there is not what made the record. */
function leasedBy(idempotency: Idempotency, asked: string[] = []) {
  return idempotencyMiddleware({
    idempotency,
    mode: "lease",
    scope: ({ ctx }: { ctx: Context }) => {
      asked.push("scope");
      return ctx.user;
    },
    key: () => {
      asked.push("key");
      return undefined;
    },
    request: ({ ctx: { req, res, info } }) => {
      asked.push("request");
      return { headers: req?.headers, res, info };
    },
  });
}

/** Charges, and fails as long as `isDown` says so; then writes the order. */
function payApp(idempotency: Idempotency) {
  const service = paymentService();
  const asked: string[] = [];
  const seen: unknown[] = [];
  const state = { isDown: true };
  const pay = t.procedure
    // A parsed input would not pass a second time.
    .input(z.object({ item: z.string(), amount: z.string().transform(Number) }))
    .use(leasedBy(idempotency, asked))
    .mutation(async ({ ctx, input }) => {
      const { step, transaction, attempt } = ctx.idempotency;
      const charge = await step(`charge`, ({ key }) => service.charge(key));
      if (state.isDown) throw new Error("the carrier is down");
      seen.push({ user: ctx.user, input, attempt });
      await transaction("order", ({ tx }) => tx.order.create({ data: orderOf(input.item, ctx.user) }));
      return { ...charge, amount: input.amount };
    });
  return { service, asked, seen, state, router: t.router({ nested: { pay } }) };
}

function completerOf(
  options: Partial<TRPCCompleterOptions<any, any>> &
    Pick<TRPCCompleterOptions<any, any>, "idempotency" | "router">,
  prisma: TestClient,
) {
  const errors: unknown[] = [];
  const givenUp: AbandonedRun[] = [];
  const completer = trpcCompleter({
    createContext: ({ scope }: AbandonedRun) => ({ user: `${scope} by completer`, prisma }),
    onError: (error: unknown) => errors.push(error),
    onGiveUp: (run: AbandonedRun) => givenUp.push(run),
    ...options,
  });
  return { completer, errors, givenUp };
}

describe.each(databases)("trpcCompleter on $name", ({ open }) => {
  it("resumes a run with the stored raw input, and the client's retry gets the answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router, service, asked, seen, state } = payApp(idempotency);
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', user: "bob", input: { item: "lamp", amount: "5" } };
    expect((await app.send("nested.pay", call)).status).toBe(500);
    await lapse(db);
    state.isDown = false;
    asked.length = 0;

    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect(await completer.runOnce()).toBe(1);
    expect([errors, asked]).toEqual([[], []]);
    expect(seen).toEqual([{ user: "bob by completer", input: { item: "lamp", amount: 5 }, attempt: 2 }]);
    expect(await recordsOf(db)).toMatchObject([
      { operation: "nested.pay", scope: "bob", key: "k", status: "completed", attempt: 2 },
    ]);

    const replay = await app.send("nested.pay", call);
    expect(replay).toMatchObject({ status: 200, replayed: "true" });
    expect(replay.json.result.data).toEqual({ chargeId: "ch_1", amount: 5 });
    expect([service.calls.length, await db.countOrders()]).toEqual([1, 1]);
    expect(await completer.runOnce()).toBe(0);
  });

  /** A mutation `pay` that fails at first, with these options, and is brought to its end by a completer. */
  async function completed(db: TestDatabase, options: object) {
    const idempotency = idempotencyOf(db.prisma);
    let isDown = true;
    const pay = t.procedure
      .use(idempotencyMiddleware({ idempotency, mode: "lease", scope: "global", ...options }))
      .mutation(async () => {
        if (isDown) throw new Error("the carrier is down");
        return "paid";
      });
    const router = t.router({ pay });
    const app = await serve(router, db.prisma);
    expect((await app.send("pay", { key: '"k"' })).status).toBe(500);
    await lapse(db);
    isDown = false;
    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect([await completer.runOnce(), errors]).toEqual([1, []]);
    return app;
  }

  it("finds the run of a mutation that option operation names", async () => {
    await using db = await open();
    const scope = ({ ctx }: { ctx: Context }) => ctx.user;
    await using app = await completed(db, { operation: "payments.v1", scope });
    expect(await recordsOf(db)).toMatchObject([
      { operation: "payments.v1", status: "completed", attempt: 2 },
    ]);
    const replay = await app.send("pay", { key: '"k"' });
    expect([replay.replayed, replay.json.result.data]).toEqual(["true", "paid"]);
  });

  it("reads the input of a mutation whose results have the form of a transformer", async () => {
    await using db = await open();
    await using app = await completed(db, { transformer: superjson });
    expect((await app.send("pay", { key: '"k"' })).replayed).toBe("true");
  });

  it("refuses two mutations of one operation, which it could not tell apart", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const named = t.procedure
      .use(idempotencyMiddleware({ idempotency, mode: "lease", operation: "one", scope: "global" }))
      .mutation(() => "done");
    const { completer } = completerOf({ idempotency, router: t.router({ a: named, b: named }) }, db.prisma);
    await expect(completer.runOnce()).rejects.toThrow(
      "two mutations are named one; give each an option operation",
    );
  });

  it("leaves a run under way to its executor", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router, state } = payApp(idempotency);
    state.isDown = false;
    const inStep = gate();
    const goOn = gate();
    const slow = t.procedure.use(leasedBy(idempotency)).mutation(async () => {
      inStep.open();
      await goOn.opened;
      return "done";
    });
    const all = t.router({ ...router._def.procedures, slow });
    await using app = await serve(all, db.prisma);
    const running = app.send("slow", { key: '"k"' });
    await inStep.opened;
    const { completer } = completerOf({ idempotency, router: all }, db.prisma);
    expect(await completer.runOnce()).toBe(0);
    goOn.open();
    expect((await running).json.result.data).toBe("done");
  });

  it("stores an expected error as the answer", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    let error = new TRPCError({ code: "INTERNAL_SERVER_ERROR" });
    const router = t.router({
      pay: t.procedure.use(leasedBy(idempotency)).mutation(() => {
        throw error;
      }),
    });
    await using app = await serve(router, db.prisma);
    expect((await app.send("pay", { key: '"k"' })).status).toBe(500);
    await lapse(db);
    error = new TRPCError({ code: "NOT_FOUND", message: "no such account" });
    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect([await completer.runOnce(), errors]).toEqual([1, []]);
    const replay = await app.send("pay", { key: '"k"' });
    expect([replay.status, replay.replayed, replay.json.error.message]).toEqual([
      404,
      "true",
      "no such account",
    ]);
  });

  it("leaves a run for later when createContext throws", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router, service, state } = payApp(idempotency);
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp", amount: "5" } };
    await app.send("nested.pay", call);
    await lapse(db);
    state.isDown = false;
    let isAway = true;
    const { completer, errors } = completerOf(
      {
        idempotency,
        router,
        createContext: async ({ scope, operation, key, attempt }) => {
          if (isAway) throw new Error(`no user ${scope} for ${operation} ${key} ${attempt}`);
          return { user: scope, prisma: db.prisma };
        },
      },
      db.prisma,
    );
    expect(await completer.runOnce()).toBe(1);
    expect(errors).toMatchObject([
      {
        message: expect.stringContaining(
          "nested.pay was not resumed: option createContext failed: no user ada for nested.pay k 2 (no leased run",
        ),
        cause: { cause: { message: "no user ada for nested.pay k 2" } },
      },
    ]);
    expect(service.calls.length).toBe(1);
    expect(await recordsOf(db)).toMatchObject([{ status: "in_progress", attempt: 2 }]);
    isAway = false;
    await lapse(db);
    expect(await completer.runOnce()).toBe(1);
    expect((await app.send("nested.pay", call)).replayed).toBe("true");
    expect([service.calls.length, await db.countOrders()]).toEqual([1, 1]);
  });

  it("gives up, and every client gets the same failure with our error as its cause", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router, service } = payApp(idempotency);
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp", amount: "5" } };
    expect((await app.send("nested.pay", call)).status).toBe(500);
    const { completer, givenUp, errors } = completerOf({ idempotency, router, attemptsMax: 2 }, db.prisma);
    await lapse(db);
    expect([await completer.runOnce(), errors.length, givenUp.length]).toEqual([1, 1, 0]);
    await lapse(db);
    expect([await completer.runOnce(), errors.length]).toEqual([1, 1]);
    expect(givenUp).toMatchObject([{ operation: "nested.pay", scope: "ada", key: "k", attempt: 3 }]);

    const answers = [await app.send("nested.pay", call), await app.send("nested.pay", call)];
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 500, replayed: "true", retryAfter: null });
    expect(answers[0]?.json.error).toMatchObject({
      message: expect.stringContaining("nested.pay was given up after 2 attempts"),
      data: { code: "INTERNAL_SERVER_ERROR", httpStatus: 500, ours: "ATTEMPTS_EXHAUSTED" },
    });
    const caller = router.createCaller({
      user: "ada",
      prisma: db.prisma,
      req: { headers: { "idempotency-key": '"k"' } },
    });
    // Its header is no caller's own; the stored failure is read through HTTP alone.
    await expect(caller.nested.pay(call.input)).rejects.toMatchObject({ cause: { code: "KEY_MISSING" } });
    expect([service.calls.length, await db.countOrders()]).toEqual([1, 0]);
  });

  it.each([
    { stored: "a completer of handlers, which knows no tRPC", errors: undefined },
    {
      stored: "an `errors` of the application, which knows no errors but tRPC's",
      errors: {
        serialize: (error: unknown) => ({
          code: (error as TRPCError).code,
          message: (error as Error).message,
        }),
        deserialize: (stored: unknown) => new TRPCError(stored as TRPCError),
      },
    },
  ])("brings a giving up back that was stored by $stored", async ({ errors }) => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const leased = idempotencyMiddleware({
      idempotency,
      scope: "global",
      mode: "lease",
      ...(errors && { errors }),
    });
    const pay = t.procedure.use(leased).mutation(() => {
      throw new Error("down");
    });
    const router = t.router({ pay });
    await using app = await serve(router, db.prisma);
    await app.send("pay", { key: '"k"' });
    await db.query("UPDATE idempotency_record SET attempt = 9");
    await lapse(db);
    const options = { attemptsMax: 2, onGiveUp: () => {} };
    const completer =
      errors === undefined
        ? createCompleter({ idempotency, handlers: { pay: async () => "paid" }, ...options })
        : trpcCompleter({
            idempotency,
            router,
            createContext: () => ({ user: "", prisma: db.prisma }),
            ...options,
          });
    expect(await completer.runOnce()).toBe(1);
    const { status, json } = await app.send("pay", { key: '"k"' });
    expect([status, json.error.data.code, json.error.message]).toEqual([
      500,
      "INTERNAL_SERVER_ERROR",
      expect.stringContaining("given up after 9 attempts"),
    ]);
    expect(json.error.data.ours).toBe(errors === undefined ? "ATTEMPTS_EXHAUSTED" : null);
  });

  it("goes on with others where an input no longer parses or a procedure is gone", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const down = new Error("down");
    const fails = (input: z.ZodType) =>
      t.procedure
        .input(input)
        .use(leasedBy(idempotency))
        .mutation(() => Promise.reject(down));
    const Any = z.object({ n: z.number() });
    const before = t.router({ changed: fails(Any), gone: fails(Any), kept: fails(Any), off: fails(Any) });
    await using app = await serve(before, db.prisma);
    for (const path of ["changed", "gone", "off", "kept"]) {
      expect((await app.send(path, { key: '"k"', input: { n: 5 } })).status).toBe(500);
    }
    const works = (input: z.ZodType) =>
      t.procedure
        .input(input)
        .use(leasedBy(idempotency))
        .mutation(() => "done");
    const after = t.router({
      changed: works(z.object({ n: z.string() })),
      kept: works(Any),
      off: t.procedure
        .meta({ idempotency: false })
        .use(leasedBy(idempotency))
        .mutation(() => Promise.reject(down)),
    });
    const { completer, errors, givenUp } = completerOf(
      { idempotency, router: after, attemptsMax: 2 },
      db.prisma,
    );
    await lapse(db);
    expect(await completer.runOnce()).toBe(2);
    expect(errors).toMatchObject([{ cause: { code: "BAD_REQUEST" } }]);
    // Backing off: not claimed again before its time.
    expect(await completer.runOnce()).toBe(0);
    await lapse(db);
    expect(await completer.runOnce()).toBe(1);
    expect(givenUp).toMatchObject([{ operation: "changed" }]);
    expect(await recordsOf(db)).toMatchObject([
      { operation: "changed", status: "failed" },
      { operation: "gone", status: "in_progress", attempt: 1 },
      { operation: "kept", status: "completed" },
      { operation: "off", status: "in_progress", attempt: 1 },
    ]);
  });

  it("keeps an input that was not sent as it was", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    let isDown = true;
    const router = t.router({
      pay: t.procedure
        .input(z.string().default("5").transform(Number))
        .use(leasedBy(idempotency))
        .mutation(({ input }) => {
          if (isDown) throw new Error("down");
          return input;
        }),
    });
    await using app = await serve(router, db.prisma);
    const headers = { "idempotency-key": '"k"', "content-type": "application/json" };
    const post = async () => fetch(`${app.url}/pay`, { method: "POST", headers });
    expect((await post()).status).toBe(500);
    await lapse(db);
    isDown = false;
    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect([await completer.runOnce(), errors]).toEqual([1, []]);
    expect(await (await post()).json()).toEqual({ result: { data: 5 } });
  });

  it("does not lend the record's key to procedures that the resumed one calls", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const nested: unknown[] = [];
    let isDown = true;
    const leased = leasedBy(idempotency);
    const inner = t.procedure.use(leased).mutation(() => "inner");
    const callInner = t.createCallerFactory(t.router({ inner, outer: inner }));
    const outer = t.procedure.use(leased).mutation(async ({ ctx }) => {
      if (isDown) throw new Error("down");
      const caller = callInner({ user: ctx.user, prisma: ctx.prisma });
      for (const call of [caller.inner, caller.outer]) {
        nested.push(await call().catch((error: TRPCError) => (error.cause as { code?: string }).code));
      }
      return "outer";
    });
    const router = t.router({ outer, inner });
    await using app = await serve(router, db.prisma);
    await app.send("outer", { key: '"k"' });
    await lapse(db);
    isDown = false;
    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect([await completer.runOnce(), errors]).toEqual([1, []]);
    expect(nested).toEqual(["KEY_MISSING", "KEY_MISSING"]);
    expect(await recordsOf(db)).toMatchObject([{ operation: "outer", status: "completed" }]);
  });

  it("shares the work among several, each run completed once, and stops when told", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router, service, state } = payApp(idempotency);
    await using app = await serve(router, db.prisma);
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    for (const key of keys) {
      await app.send("nested.pay", { key: `"${key}"`, input: { item: key, amount: "5" } });
    }
    await lapse(db);
    state.isDown = false;
    const others = await Promise.all(
      [1, 2].map(async () => {
        // On SQLite there is one client per process.
        const prisma = db.provider === "sqlite" ? db.prisma : await db.connect();
        const own = idempotencyOf(prisma);
        const made = payApp(own);
        made.state.isDown = false;
        return { ...made, ...completerOf({ idempotency: own, router: made.router, pollMs: 20 }, prisma) };
      }),
    );
    for (const { completer } of others) completer.start();
    const finished = async () =>
      (await recordsOf(db)).filter(({ status }) => status === "completed").length === keys.length;
    await expect.poll(finished).toBe(true);
    for (const { completer, errors } of others) {
      expect([await completer.stop(), errors]).toEqual([true, []]);
    }
    expect(await db.countOrders()).toBe(keys.length);
    expect([service.calls.length, others.flatMap((other) => other.service.calls)]).toEqual([keys.length, []]);
    expect(others.flatMap(({ seen }) => seen).length).toBe(keys.length);
  });

  it("finds mutations in lazy routers, and reports a router that has none of its own", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    let isDown = true;
    const inside = t.router({
      pay: t.procedure
        .use(leasedBy(idempotency))
        .mutation(() => (isDown ? Promise.reject(new Error("x")) : "paid")),
    });
    const router = t.router({ inside: lazy(async () => inside) });
    await using app = await serve(router, db.prisma);
    await app.send("inside.pay", { key: '"k"' });
    await lapse(db);
    isDown = false;
    const { completer, errors } = completerOf({ idempotency, router }, db.prisma);
    expect([await completer.runOnce(), errors]).toEqual([1, []]);

    const another = completerOf({ idempotency: idempotencyOf(db.prisma), router }, db.prisma);
    await expect(another.completer.runOnce()).rejects.toThrow(/router has no mutation .* mode: "lease"/);
  });

  it("refuses options that cannot be used", async () => {
    await using db = await open();
    const idempotency = idempotencyOf(db.prisma);
    const { router } = payApp(idempotency);
    const usable = { idempotency, router, createContext: () => ({ user: "", prisma: db.prisma }) };
    const wrong: [name: string, options: unknown][] = [
      ["(the first argument)", undefined],
      ["router", { ...usable, router: {} }],
      ["createContext", { ...usable, createContext: {} }],
      ["idempotency", { ...usable, idempotency: {} }],
      ["idempotency", { ...usable, idempotency: createIdempotency({ prisma: db.prisma }) }],
      ["attemptsMax", { ...usable, attemptsMax: 0 }],
    ];
    for (const [name, options] of wrong) {
      expect(() => trpcCompleter(options as never)).toThrow(`option ${name} `);
      expect(() => trpcCompleter(options as never)).toThrow(TypeError);
    }
  });
});
