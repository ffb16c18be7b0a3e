import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, idempotentOn, order, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

describe("requireKey", () => {
  it("false runs a call without a key in a transaction, and keeps no record", async () => {
    const place = t.procedure
      .meta({ idempotency: { requireKey: false } })
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

  it("false honours a key that is sent", async () => {
    let executions = 0;
    const place = t.procedure
      .meta({ idempotency: { requireKey: false } })
      .use(idempotentOn(db.prisma))
      .mutation(() => (executions += 1));
    const { send } = app(t.router({ place }), db.prisma);
    await send("place", { key: "honoured" });
    await send("place", { key: "honoured" });
    expect(executions).toBe(1);
  });

  it("is asked of a function for each call, which may take its time", async () => {
    const asked: unknown[] = [];
    const place = t.procedure
      .input(z.boolean())
      .use(
        idempotencyMiddleware({
          idempotency: createIdempotency({ prisma: db.prisma }),
          scope: "global",
          requireKey: async ({ path, input }) => {
            asked.push([path, input]);
            return Promise.resolve(input as boolean);
          },
        }),
      )
      .mutation(() => "executed");
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { input: true })).body).toContain("needs an idempotency key");
    expect((await send("place", { input: false })).status).toBe(200);
    expect((await send("place", { input: true, key: "asked" })).status).toBe(200);
    expect(asked).toEqual([
      ["place", true],
      ["place", false],
    ]);
  });

  it("fails the call if its function answers with anything but a boolean", async () => {
    const place = t.procedure
      .use(
        idempotencyMiddleware({
          idempotency: createIdempotency({ prisma: db.prisma }),
          scope: "global",
          requireKey: (() => undefined) as never,
        }),
      )
      .mutation(() => "executed");
    const { status, body } = await app(t.router({ place }), db.prisma).send("place");
    expect(status).toBe(500);
    expect(body).toContain("a function that returns true or false");
  });
});

describe("meta.idempotency", () => {
  it("overrides the option", async () => {
    const place = t.procedure
      .use(
        idempotencyMiddleware({
          idempotency: createIdempotency({ prisma: db.prisma }),
          scope: "global",
          requireKey: false,
        }),
      )
      .meta({ idempotency: { requireKey: true } })
      .mutation(() => "executed");
    expect((await app(t.router({ place }), db.prisma).send("place")).status).toBe(400);
  });

  it("false leaves the call untouched", async () => {
    const place = t.procedure
      .use(idempotentOn(db.prisma))
      .meta({ idempotency: false })
      .mutation(({ ctx }) => [ctx.tx, ctx.idempotency]);
    const { send } = app(t.router({ place }), db.prisma);
    expect((await send("place", { key: "é malformed" })).body).toBe('{"result":{"data":[null,null]}}');
  });

  it("that is neither fails the call", async () => {
    const place = t.procedure
      .meta({ idempotency: "off" as never })
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
