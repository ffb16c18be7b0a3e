import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, idempotentOn, order, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

describe("the policy", () => {
  it("optional runs a call without a key in a transaction, and keeps no record", async () => {
    const place = t.procedure
      .meta({ idempotency: "optional" })
      .use(idempotentOn(db.prisma))
      .input(z.boolean())
      .mutation(async ({ ctx, input }) => {
        await ctx.tx.order.create({ data: order("optional") });
        if (input) throw new TRPCError({ code: "NOT_FOUND", message: "undone" });
        const { key, attempt, deriveKey } = ctx.idempotency;
        return {
          key,
          attempt,
          stable: deriveKey("a") === deriveKey("a") && deriveKey("a") !== deriveKey("b"),
        };
      });
    const { send } = app(t.router({ place }), db.prisma);
    const failed = await send("place", { input: true });
    expect([failed.status, await db.countOrders({ key: "optional" })]).toEqual([404, 0]);
    const { body } = await send("place", { input: false });
    expect(JSON.parse(body)).toEqual({ result: { data: { attempt: 1, stable: true } } });
    await send("place", { input: false });
    expect(await db.countOrders({ key: "optional" })).toBe(2);
  });

  it("optional honours a key that is sent", async () => {
    let executions = 0;
    const place = t.procedure
      .meta({ idempotency: "optional" })
      .use(idempotentOn(db.prisma))
      .mutation(() => (executions += 1));
    const { send } = app(t.router({ place }), db.prisma);
    await send("place", { key: "honoured" });
    await send("place", { key: "honoured" });
    expect(executions).toBe(1);
  });

  it("off leaves the call untouched", async () => {
    const place = t.procedure
      .use(idempotentOn(db.prisma))
      .meta({ idempotency: "off" })
      .mutation(({ ctx }) => [ctx.tx, ctx.idempotency]);
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { key: "é malformed" })).body).toBe('{"result":{"data":[null,null]}}');
  });

  it("of a procedure's meta that is none fails the call", async () => {
    const place = t.procedure
      .meta({ idempotency: "of" as "off" })
      .use(idempotentOn(db.prisma))
      .mutation(() => "executed");
    const { status, body } = await app(t.router({ place }), db.prisma).send("place", { key: "typo" });
    expect(status).toBe(500);
    expect(body).toContain("meta.idempotency");
  });
});

it("refuses a second middleware on one procedure", async () => {
  const place = t.procedure
    .use(idempotentOn(db.prisma))
    .use(idempotentOn(db.prisma))
    .mutation(() => "executed");
  const { status, body } = await app(t.router({ place }), db.prisma).send("place", { key: "twice" });
  expect(status).toBe(500);
  expect(body).toContain("idempotencyMiddleware twice");
});
