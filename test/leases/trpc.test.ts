import { setTimeout as sleep } from "node:timers/promises";
import { createTRPCClient, httpBatchLink } from "@trpc/client";
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency, type RunOptions } from "../../src/index.ts";
import { auditRouter, idempotencyMiddleware } from "../../src/trpc/index.ts";
import type { TestClient } from "../support/clients.ts";
import { databases } from "../support/database.ts";
import { gate } from "../support/gate.ts";
import {
  type Context,
  lapse,
  orderOf,
  paymentService,
  recordsOf,
  serve,
  steal,
  stepsOf,
  t,
} from "./trpc-support.ts";

const Pay = z.object({ item: z.string(), amount: z.number().default(1) });

function leasedOn(prisma: TestClient, options: RunOptions = {}) {
  return idempotencyMiddleware({
    idempotency: createIdempotency({ prisma, ...options }),
    scope: ({ ctx }: { ctx: Context }) => ctx.user,
    mode: "lease",
  });
}

/** Charges, writes the order, and does what the test wants before it answers. */
function payRouter(
  prisma: TestClient,
  between: (attempt: number) => unknown = () => undefined,
  options: RunOptions = {},
) {
  const service = paymentService();
  const pay = t.procedure
    .input(Pay)
    .use(leasedOn(prisma, options))
    .mutation(async ({ ctx, input }) => {
      const { step, transaction, attempt, key } = ctx.idempotency;
      const { chargeId } = await step("charge", (call) => service.charge(call.key));
      const count = await transaction("order", async ({ tx }) => {
        await tx.order.create({ data: orderOf(input.item, ctx.user) });
        return tx.order.count();
      });
      await between(attempt);
      await step("mail", (call) => service.charge(call.key));
      return { chargeId, count, attempt, key, hasTx: "tx" in ctx };
    });
  return { service, router: t.router({ pay }) };
}

describe.each(databases)("leased mutations over HTTP on $name", ({ open }) => {
  it("take each step once over a failure and a retry, and replay the answer", async () => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma, (attempt) => {
      if (attempt === 1) throw new Error("the process is gone");
    });
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp" } };

    const failed = await app.send("pay", call);
    expect([failed.status, service.calls.length, await db.countOrders()]).toEqual([500, 1, 1]);
    expect(await recordsOf(db)).toMatchObject([{ status: "in_progress", response: null, input: null }]);
    expect(await stepsOf(db)).toEqual(["charge", "order"]);

    const retried = await app.send("pay", call);
    expect(retried).toMatchObject({ status: 200, replayed: null });
    expect(retried.json.result.data).toEqual({
      chargeId: "ch_1",
      count: 1,
      attempt: 2,
      key: "k",
      hasTx: false,
    });
    expect([service.calls.length, new Set(service.calls).size, await db.countOrders()]).toEqual([2, 2, 1]);

    const replay = await app.send("pay", call);
    expect(replay).toMatchObject({ status: 200, replayed: "true", text: retried.text });
    expect([service.calls.length, await db.countOrders()]).toEqual([2, 1]);
  });

  it("have duplicates of this process and of another wait for the answer", async () => {
    await using db = await open();
    const inStep = gate();
    const goOn = gate();
    const { service, router } = payRouter(db.prisma, async () => {
      inStep.open();
      await goOn.opened;
    });
    await using app = await serve(router, db.prisma);
    const polled = gate();
    const elsewhere = await db.connect({
      log: (statement) => statement.includes("idempotency_record") && polled.open(),
    });
    const other = payRouter(elsewhere);
    await using otherApp = await serve(other.router, elsewhere);
    const call = { key: '"k"', input: { item: "lamp" } };

    const first = app.send("pay", call);
    await inStep.opened;
    const duplicates = [app.send("pay", call), otherApp.send("pay", call)];
    await polled.opened;
    goOn.open();
    const { text } = await first;
    for (const duplicate of await Promise.all(duplicates)) {
      expect(duplicate).toMatchObject({ status: 200, replayed: "true", text });
    }
    expect([service.calls.length, other.service.calls.length, await db.countOrders()]).toEqual([2, 0, 1]);
  });

  it("refuse a duplicate at once where duplicates are rejected, and another input always", async () => {
    await using db = await open();
    const inStep = gate();
    const goOn = gate();
    const { router } = payRouter(
      db.prisma,
      async () => {
        inStep.open();
        await goOn.opened;
      },
      { onDuplicate: "reject" },
    );
    await using app = await serve(router, db.prisma);
    const other = payRouter(await db.connect(), undefined, { onDuplicate: "reject" });
    await using otherApp = await serve(other.router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp" } };

    const first = app.send("pay", call);
    await inStep.opened;
    const duplicates = await Promise.all([app.send("pay", call), otherApp.send("pay", call)]);
    for (const { status, json, retryAfter } of duplicates) {
      expect([status, json.error.data.code, json.error.data.ours, retryAfter]).toEqual([
        409,
        "CONFLICT",
        "IN_PROGRESS",
        "1",
      ]);
    }
    const reused = await otherApp.send("pay", { ...call, input: { item: "chair" } });
    expect([reused.status, reused.json.error.data.ours]).toEqual([422, "KEY_REUSED"]);
    goOn.open();
    expect((await first).status).toBe(200);
  });

  it("need a key, and belong to the user who sent it", async () => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma);
    await using app = await serve(router, db.prisma);
    const missing = await app.send("pay", { input: { item: "lamp" } });
    expect([missing.status, missing.json.error.data.ours]).toEqual([400, "KEY_MISSING"]);
    expect(service.calls).toEqual([]);

    const call = { key: '"k"', input: { item: "lamp" } };
    const ada = await app.send("pay", { ...call, user: "ada" });
    const bob = await app.send("pay", { ...call, user: "bob" });
    expect([ada.replayed, bob.replayed]).toEqual([null, null]);
    expect(new Set(service.calls).size).toBe(4);
    expect([await db.countOrders({ customer: "ada" }), await db.countOrders({ customer: "bob" })]).toEqual([
      1, 1,
    ]);
  });

  it("run without a record where the key is optional and was not sent", async () => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma);
    const optional = t.procedure
      .input(Pay)
      .meta({ idempotency: { requireKey: false } })
      .use(leasedOn(db.prisma))
      .mutation(async ({ ctx, input }) => {
        const { chargeId } = await ctx.idempotency.step("charge", ({ key }) => service.charge(key));
        await ctx.idempotency.transaction("order", async ({ tx }) => {
          await tx.order.create({ data: orderOf(input.item) });
        });
        return {
          chargeId,
          key: ctx.idempotency.key ?? null,
          derived: ctx.idempotency.deriveKey("x").length > 10,
        };
      });
    const all = t.router({ ...router._def.procedures, optional });
    await using app = await serve(all, db.prisma);
    for (const chargeId of ["ch_1", "ch_2"]) {
      const answer = await app.send("optional", { input: { item: "lamp" } });
      expect(answer.json.result.data).toEqual({ chargeId, key: null, derived: true });
    }
    expect([await recordsOf(db), await stepsOf(db), await db.countOrders()]).toEqual([[], [], 2]);
    expect(await auditRouter(all)).toEqual([
      { path: "pay", policy: "required" },
      { path: "optional", policy: "optional" },
    ]);
  });

  it("store an expected error, and release any other", async () => {
    await using db = await open();
    let error: Error = new TRPCError({ code: "PAYMENT_REQUIRED", message: "The card was declined." });
    const { service, router } = payRouter(db.prisma, () => {
      throw error;
    });
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp" } };
    const declined = await app.send("pay", call);
    expect([declined.status, declined.json.error.message]).toEqual([402, "The card was declined."]);
    const replay = await app.send("pay", call);
    expect(replay).toMatchObject({ status: 402, replayed: "true", text: declined.text });
    // What its steps did stays done.
    expect([service.calls.length, await db.countOrders()]).toEqual([1, 1]);

    error = new TRPCError({ code: "TOO_MANY_REQUESTS" });
    const other = { key: '"other"', input: { item: "lamp" } };
    expect((await app.send("pay", other)).status).toBe(429);
    expect((await app.send("pay", other)).replayed).toBe(null);
    expect(await recordsOf(db)).toMatchObject([{ status: "failed" }, { status: "in_progress", attempt: 2 }]);
  });

  it.each([
    { stores: "expected errors", options: {} },
    { stores: "all errors", options: { storeError: () => true } },
  ])("answer 409 when a step finds the lease lost, with a storeError for $stores", async ({ options }) => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma, () => steal(db), options);
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp" } };
    const lost = await app.send("pay", call);
    expect([lost.status, lost.json.error.data, lost.retryAfter]).toEqual([
      409,
      { code: "CONFLICT", httpStatus: 409, path: "pay", ours: "LEASE_LOST" },
      "1",
    ]);
    expect(lost.json.error.message).toContain("Retry with the same key");
    expect(await recordsOf(db)).toMatchObject([{ status: "in_progress", response: null }]);
    expect(await stepsOf(db)).toEqual(["charge", "order"]);
    // The last step's call, unless the renewal after the transaction was the first to find the lease lost.
    expect(service.calls.length).toBeLessThanOrEqual(2);
  });

  it.each([
    { requireKey: true, key: '"k"' },
    { requireKey: false, key: undefined },
  ])(
    "answer 503 when no transaction can begin for a step, requireKey $requireKey, and never store that",
    async ({ requireKey, key }) => {
      await using db = await open();
      // All that there are.
      const connections = db.provider === "sqlite" ? 1 : 2;
      const prisma = await db.connect({ max: connections });
      let isAway = true;
      const leased = leasedOn(prisma, {
        storeError: () => true,
        outageMs: 0,
        transaction: { maxWaitMs: 500 },
      });
      const pay = t.procedure
        .meta({ idempotency: { requireKey } })
        .use(leased)
        .mutation(async ({ ctx }) => {
          const { opened, open: release } = gate();
          const holders = isAway
            ? await Promise.all(Array.from({ length: connections }, () => holdConnection(prisma, opened)))
            : [];
          try {
            return await ctx.idempotency.transaction("order", async ({ tx }) => {
              await tx.order.create({ data: orderOf("k") });
              return "ordered";
            });
          } finally {
            release();
            await Promise.all(holders.map(({ ended }) => ended));
          }
        });
      await using app = await serve(t.router({ pay }), prisma);
      const away = await app.send("pay", { ...(key && { key }) });
      expect([away.status, away.json.error.data.ours, away.retryAfter]).toEqual([
        503,
        "STORE_UNAVAILABLE",
        "1",
      ]);
      expect(away.json.error.message).not.toMatch(/P2028|transaction/i);
      isAway = false;
      expect((await app.send("pay", { ...(key && { key }) })).json.result.data).toBe("ordered");
      expect(await db.countOrders()).toBe(1);
    },
  );

  it("keep the calls of a batch apart", async () => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma, () => undefined);
    await using app = await serve(router, db.prisma);
    const keys = ["a", "b", "a"];
    const client = createTRPCClient<typeof router>({
      links: [
        httpBatchLink({
          url: app.url,
          headers: { "idempotency-key": keys.map((key) => `"${key}"`).join(", ") },
        }),
      ],
    });
    const answers = await Promise.all(keys.map(() => client.pay.mutate({ item: "lamp" })));
    expect(answers[2]).toEqual(answers[0]);
    expect(answers[1]).not.toEqual(answers[0]);
    expect([service.calls.length, await db.countOrders()]).toEqual([4, 2]);
  });

  it("do not lend their key to a procedure that they call", async () => {
    await using db = await open();
    const { service, router } = payRouter(db.prisma);
    const callPay = t.createCallerFactory(router);
    const outer = t.procedure.use(leasedOn(db.prisma)).mutation(async ({ ctx }) => {
      const nested = await callPay({ ...ctx, user: ctx.user })
        .pay({ item: "lamp" })
        .catch((error: Error) => error.message);
      return nested;
    });
    await using app = await serve(t.router({ outer }), db.prisma);
    const answer = await app.send("outer", { key: '"k"' });
    expect(answer.json.result.data).toContain("pay needs an idempotency key");
    expect(service.calls).toEqual([]);
  });

  it("store answers and steps in the form of the router's transformer", async () => {
    await using db = await open();
    const s = initTRPC.context<Context>().create({ transformer: superjson, isDev: false });
    let runs = 0;
    const leased = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: ({ ctx }: { ctx: Context }) => ctx.user,
      mode: "lease",
      transformer: superjson,
    });
    const router = s.router({
      pay: s.procedure
        .input(z.object({ at: z.date() }))
        .use(leased)
        .mutation(async ({ ctx, input }) => {
          const made = await ctx.idempotency.step("make", () => ({
            at: input.at,
            link: new URL("https://a.example/"),
          }));
          runs += 1;
          if (runs === 1) throw new Error("gone");
          return { ...made, isLink: made.link instanceof URL, tags: new Map([["a", 1n]]) };
        }),
    });
    await using app = await serve(router, db.prisma);
    const call = { key: '"k"', input: superjson.serialize({ at: new Date(5) }) };
    expect((await app.send("pay", call)).status).toBe(500);
    const first = await app.send("pay", call);
    expect(superjson.deserialize(first.json.result.data)).toEqual({
      at: new Date(5),
      link: new URL("https://a.example/"),
      isLink: true,
      tags: new Map([["a", 1n]]),
    });
    expect(await app.send("pay", call)).toMatchObject({ replayed: "true", text: first.text });
    expect(runs).toBe(2);
  });

  it("take over once the lease of a lost executor has lapsed", async () => {
    await using db = await open();
    const hung = gate();
    const never = gate();
    const { router } = payRouter(db.prisma, (attempt) => {
      if (attempt === 1) {
        hung.open();
        return never.opened;
      }
      return undefined;
    });
    await using app = await serve(router, db.prisma);
    const other = payRouter(await db.connect());
    await using otherApp = await serve(other.router, db.prisma);
    const call = { key: '"k"', input: { item: "lamp" } };
    const lost = app.send("pay", call);
    await hung.opened;
    const taken = otherApp.send("pay", call);
    const isTaken = taken.then(() => true);
    // A renewal that the lost one had sent may still arrive.
    while (!(await Promise.race([isTaken, sleep(20)]))) await lapse(db);
    const answer = await taken;
    expect(answer.json.result.data).toMatchObject({ chargeId: "ch_1", attempt: 2, count: 1 });
    expect(other.service.calls.length).toBe(1);
    never.open();
    const late = await lost;
    expect([late.status, late.json.error.data.ours, await db.countOrders()]).toEqual([409, "LEASE_LOST", 1]);
  });

  it("refuse an input that cannot be stored before anything is executed", async () => {
    await using db = await open();
    const idempotency = createIdempotency({ prisma: db.prisma, storeInput: true });
    const scope = ({ ctx }: { ctx: Context }) => ctx.user;
    let runs = 0;
    const uploadWith = (storeInput?: boolean) =>
      t.procedure
        .input(z.instanceof(FormData))
        .use(
          idempotencyMiddleware({
            idempotency,
            scope,
            mode: "lease",
            ...(storeInput === false && { storeInput }),
          }),
        )
        .mutation(({ input }) => {
          runs += 1;
          return (input.get("file") as File).name;
        });
    const router = t.router({ upload: uploadWith(), unstored: uploadWith(false) });
    await using app = await serve(router, db.prisma);
    const form = () => {
      const body = new FormData();
      body.append("file", new File(["x"], "a.txt"));
      return body;
    };
    const refused = await app.send("upload", { key: '"k"', body: form() });
    expect([refused.status, refused.json.error.message]).toEqual([
      500,
      expect.stringMatching(/input of upload cannot be stored.*storeInput: false/),
    ]);
    expect([runs, await recordsOf(db)]).toEqual([0, []]);
    const unstored = await app.send("unstored", { key: '"k"', body: form() });
    expect([unstored.json.result.data, (await recordsOf(db))[0]?.["input"]]).toEqual(["a.txt", null]);
  });
});

/** Resolves once a connection of the pool is taken. */
async function holdConnection(prisma: TestClient, until: Promise<void>) {
  const { opened, open: taken } = gate();
  const ended = prisma.$transaction(
    async (tx) => {
      await tx.$queryRawUnsafe("SELECT 1");
      taken();
      await until;
    },
    { maxWait: 20_000, timeout: 20_000 },
  );
  await Promise.race([opened, ended]);
  return { ended };
}
