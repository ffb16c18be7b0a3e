import { lazy } from "@trpc/server";
import superjson from "superjson";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { createIdempotency } from "../../src/index.ts";
import { auditRouter, type IdempotencyMeta, idempotencyMiddleware } from "../../src/trpc/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, idempotentOn, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

describe("options that cannot be used are a TypeError at construction", () => {
  const wrong: [name: string, options: object, remedy: string][] = [
    ["idempotency", { idempotency: undefined }, "what createIdempotency returned"],
    ["idempotency", { idempotency: {} }, "what createIdempotency returned"],
    ["scope", { scope: undefined }, 'or "global" spelt out'],
    ["scope", { scope: "everyone" }, "({ ctx }) => ctx.user.id"],
    ["provide", { provide: "" }, "the name of a context property"],
    ["provide", { provide: "idempotency" }, 'other than "idempotency"'],
    ["provide", { provide: "prisma", mode: "lease" }, "transaction(name, fn)"],
    ["mode", { mode: "saga" }, '"transaction" or "lease"'],
    ["key", { key: "input.key" }, "a function such as"],
    ["input", { input: "id" }, "a function such as"],
    ["bodyBytesMax", { bodyBytesMax: -1 }, "an integer from 0"],
    ["operation", { operation: "" }, "a name such as orders.place"],
    ["operation", { operation: () => "x", mode: "lease" }, "a completer must find the mutation"],
    ["request", { request: {} }, "a function such as"],
    ["requireKey", { requireKey: "sometimes" }, "true or false"],
    ["policy", { policy: "optional" }, "option requireKey instead"],
    ["transformer", { transformer: {} }, "for example superjson"],
    ["transformer", { transformer: { input: superjson, output: null } }, "for example superjson"],
    ["transformer", { transformer: null }, "for example superjson"],
    ["codec", { transformer: superjson, codec: { name: "own" } }, "either transformer or codec"],
    ["storeError", { storeError: ["NOT_FOUND"] }, "storeError"],
    ["waitMs", { waitMs: -1 }, "an integer"],
  ];

  it.each(wrong)("%s: %j", (name, options, remedy) => {
    const idempotency = createIdempotency({ prisma: db.prisma });
    const make = () => idempotencyMiddleware({ idempotency, scope: "global", ...options });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`option ${name}`);
    expect(make).toThrow(remedy);
  });

  it.each([undefined, null, "global"])("in place of all options: %j", (options) => {
    expect(() => idempotencyMiddleware(options as never)).toThrow("{ idempotency, scope }");
  });
});

it("takes a combined transformer", () => {
  const idempotency = createIdempotency({ prisma: db.prisma });
  const transformer = { input: superjson, output: superjson };
  expect(idempotencyMiddleware({ idempotency, scope: "global", transformer })).toBeTypeOf("function");
});

describe("an .output() before the middleware, which validates after the commit,", () => {
  const early = () =>
    t.procedure
      .input(z.object({ n: z.number() }))
      .output(z.object({ balance: z.string() }))
      .use(idempotentOn(db.prisma))
      .mutation(async ({ ctx }) => {
        await ctx.tx.account.create({ data: { id: "early", balance: 1 } });
        return { balance: 1 } as never;
      });

  it("is refused at the first call, before anything is written", async () => {
    const { send } = app(t.router({ early: early() }), db.prisma);
    const { status, body } = await send("early", { key: "k", input: { n: 1 } });
    expect(status).toBe(500);
    expect(body).toContain(".output() of early stands before idempotencyMiddleware");
    expect(body).toContain("put .output() after .use()");
    expect(await db.query('SELECT id FROM "Account"')).toEqual([]);
    expect(await db.query("SELECT id FROM idempotency_record")).toEqual([]);
  });

  it("is a row of its own in the audit", async () => {
    const router = t.router({ early: early() });
    expect(await auditRouter(router)).toEqual([{ path: "early", policy: "output first" }]);
  });
});

describe("auditRouter", () => {
  it("lists every mutation, and how each is protected", async () => {
    const idempotent = idempotentOn(db.prisma);
    const optional = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      requireKey: false,
    });
    const conditional = idempotencyMiddleware({
      idempotency: createIdempotency({ prisma: db.prisma }),
      scope: "global",
      requireKey: ({ path }) => path === "nested.conditional",
    });
    const deep = t.router({ inside: t.procedure.mutation(() => 1) });
    const router = t.router({
      ask: t.procedure.use(idempotent).query(() => 1),
      place: t.procedure.use(idempotent).mutation(() => 1),
      wrapped: t.procedure.use(t.middleware(idempotent)).mutation(() => 1),
      forgotten: t.procedure.mutation(() => 1),
      claimed: t.procedure.meta({ idempotency: { requireKey: true } }).mutation(() => 1),
      decided: t.procedure.meta({ idempotency: false }).mutation(() => 1),
      nested: {
        optional: t.procedure.use(optional).mutation(() => 1),
        conditional: t.procedure.use(conditional).mutation(() => 1),
        strict: t.procedure
          .meta({ idempotency: { requireKey: true } })
          .use(conditional)
          .mutation(() => 1),
        off: t.procedure
          .use(optional)
          .meta({ idempotency: false })
          .mutation(() => 1),
      },
      later: lazy(async () =>
        t.router({ place: t.procedure.use(idempotent).mutation(() => 1), deep: lazy(async () => deep) }),
      ),
    });
    expect(await auditRouter(router)).toEqual([
      { path: "place", policy: "required" },
      { path: "wrapped", policy: "required" },
      { path: "forgotten", policy: "unprotected" },
      { path: "claimed", policy: "unprotected" },
      { path: "decided", policy: "off" },
      { path: "nested.optional", policy: "optional" },
      { path: "nested.conditional", policy: "conditional" },
      { path: "nested.strict", policy: "required" },
      { path: "nested.off", policy: "off" },
      { path: "later.place", policy: "required" },
      { path: "later.deep.inside", policy: "unprotected" },
    ]);
  });

  it.each(["optional", true, null, { requirekey: false }, { requireKey: "no" }])(
    "refuses the meta %j",
    async (idempotency) => {
      const router = t.router({
        place: t.procedure.meta({ idempotency } as IdempotencyMeta).mutation(() => 1),
      });
      await expect(auditRouter(router)).rejects.toThrow(
        /option meta\.idempotency .* give \{ requireKey: true \}.*or false/,
      );
    },
  );
});
