import { TRPCError } from "@trpc/server";
import { awsLambdaRequestHandler } from "@trpc/server/adapters/aws-lambda";
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from "@trpc/server/adapters/fastify";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { RunOptions } from "../../src/index.ts";
import { openSqlite, type TestDatabase } from "../support/database.ts";
import { app, type Context, idempotentOn, listen, order, t } from "./support.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await openSqlite();
});
afterAll(() => db[Symbol.asyncDispose]());

const Do = z.object({ what: z.string(), code: z.string().default("CONFLICT") });

function router(options: RunOptions = {}) {
  const idempotent = idempotentOn(db.prisma, options);
  return t.router({
    do: t.procedure
      .input(Do)
      .use(idempotent)
      .mutation(async ({ ctx, input: { what, code } }) => {
        if (what === "fail") throw new TRPCError({ code: code as "CONFLICT", message: "failed as asked" });
        if (what === "slow") await new Promise((resolve) => setTimeout(resolve, 300));
        return (await ctx.tx.order.create({ data: order(what) })).item;
      }),
    free: t.procedure.input(Do).mutation(() => "free"),
    asked: t.procedure
      .input(Do)
      .use(idempotent)
      .mutation(() => "asked"),
  });
}

/** What the headers of an answer tell. */
function told({ headers }: { headers: Headers }) {
  return ["idempotency-outcome", "idempotent-replayed", "retry-after"].map((name) => headers.get(name));
}

function batchOf(calls: readonly (readonly [path: string, key: string | undefined, input: object])[]) {
  return {
    path: `${calls.map(([path]) => path).join(",")}?batch=1`,
    key: calls.map(([, key]) => (key === undefined ? "?0" : `"${key}"`)).join(", "),
    input: Object.fromEntries(calls.map(([, , input], index) => [index, input])),
  };
}

describe("a single call tells in its headers", () => {
  it("a stored result, and its replay", async () => {
    const { send } = app(router(), db.prisma);
    const request = { key: '"single"', input: { what: "tea" } };
    expect(told(await send("do", request))).toEqual(["stored", null, null]);
    expect(told(await send("do", request))).toEqual(["stored", "true", null]);
  });

  it.each([
    ["PAYMENT_REQUIRED", "stored", "true"],
    ["CONFLICT", "released", null],
    ["INTERNAL_SERVER_ERROR", "released", null],
  ])("the error %s, which is %s", async (code, outcome, replayed) => {
    const { send } = app(router(), db.prisma);
    const request = { key: `"error ${code}"`, input: { what: "fail", code } };
    expect(told(await send("do", request))).toEqual([outcome, null, null]);
    expect(told(await send("do", request))).toEqual([outcome, replayed, null]);
  });

  it("another input, which is refused", async () => {
    const { send } = app(router(), db.prisma);
    await send("do", { key: '"reused"', input: { what: "tea" } });
    expect(told(await send("do", { key: '"reused"', input: { what: "cup" } }))).toEqual([
      "refused",
      null,
      null,
    ]);
  });

  it("a malformed key, and nothing where there is no key or no call of ours", async () => {
    const { send } = app(router(), db.prisma);
    expect(told(await send("do", { key: '"', input: { what: "tea" } }))).toEqual(["released", null, null]);
    expect(told(await send("do", { input: { what: "tea" } }))).toEqual([null, null, null]);
    expect(told(await send("free", { key: '"free"', input: { what: "tea" } }))).toEqual([null, null, null]);
    // Refused before the middleware is asked.
    expect(told(await send("do", { key: '"invalid"', input: { what: 5 } }))).toEqual([null, null, null]);
  });
});

describe("a batch tells a list, in the order of its calls", () => {
  it("with ?0 for a call that nothing is told of", async () => {
    const { send } = app(router(), db.prisma);
    const { path, ...request } = batchOf([
      ["do", "list 1", { what: "tea" }],
      ["free", undefined, { what: "tea" }],
      ["do", "list 2", { what: "fail" }],
      ["do", "list 3", { what: 5 }],
      ["asked", undefined, { what: "tea" }],
    ]);
    expect(told(await send(path, request))).toEqual(["stored, ?0, released, ?0, ?0", null, null]);
    expect(told(await send(path, request))).toEqual([
      "stored, ?0, released, ?0, ?0",
      "?1, ?0, ?0, ?0, ?0",
      null,
    ]);
  });

  it("with the pause that one of them asks for", async () => {
    const { send } = app(router({ onDuplicate: "reject" }), db.prisma);
    const { path, ...request } = batchOf([
      ["do", "pause", { what: "slow" }],
      ["do", "pause", { what: "slow" }],
    ]);
    const [outcome, replayed, retryAfter] = told(await send(path, request));
    expect(outcome?.split(", ").toSorted()).toEqual(["released", "stored"]);
    expect([replayed, retryAfter]).toEqual([null, "1"]);
  });

  it("but not over a streaming link, whose headers have been sent", async () => {
    await using server = await listen(router(), db.prisma);
    const { path, key, input } = batchOf([
      ["do", "stream 1", { what: "tea" }],
      ["do", "stream 2", { what: "slow" }],
    ]);
    const answer = await fetch(`${server.url}/${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "trpc-accept": "application/jsonl",
        "idempotency-key": key,
      },
      body: JSON.stringify(input),
    });
    expect((await answer.text()).match(/lamp/g)).toHaveLength(2);
    expect(told(answer)).toEqual([null, null, null]);
  });
});

describe("a response that takes headers in another way", () => {
  it("is a Fastify reply", async () => {
    await using server = fastify();
    const appRouter = router({ onDuplicate: "reject" });
    await server.register(fastifyTRPCPlugin, {
      prefix: "/trpc",
      trpcOptions: {
        router: appRouter,
        createContext: ({ req, res, info }) => ({ user: "ada", prisma: db.prisma, req, res, info }),
      } satisfies FastifyTRPCPluginOptions<typeof appRouter>["trpcOptions"],
    });
    const send = async (key: string, what: string) => {
      const { headers } = await server.inject({
        method: "POST",
        url: "/trpc/do",
        headers: { "content-type": "application/json", "idempotency-key": `"${key}"` },
        payload: { what },
      });
      return told({ headers: new Headers(headers as Record<string, string>) });
    };
    expect(await send("fastify", "tea")).toEqual(["stored", null, null]);
    expect(await send("fastify", "tea")).toEqual(["stored", "true", null]);
    const both = await Promise.all([send("slow fastify", "slow"), send("slow fastify", "slow")]);
    expect(both).toEqual(
      expect.arrayContaining([
        ["stored", null, null],
        ["released", null, "1"],
      ]),
    );
  });

  it("is that of AWS Lambda, through responseMeta", async () => {
    const handler = awsLambdaRequestHandler({
      router: router(),
      createContext: ({ event, info }): Context => ({
        user: "ada",
        prisma: db.prisma,
        req: { headers: event.headers },
        info,
        resHeaders: new Headers(),
      }),
      responseMeta: ({ ctx }) => (ctx?.resHeaders ? { headers: ctx.resHeaders } : {}),
    });
    const event = {
      version: "2.0",
      routeKey: "$default",
      rawPath: "/do",
      rawQueryString: "",
      headers: { "content-type": "application/json", "Idempotency-Key": '"lambda"' },
      requestContext: { domainName: "test", http: { method: "POST", path: "/do" } },
      body: JSON.stringify({ what: "tea" }),
      isBase64Encoded: false,
    };
    const send = async () => {
      const { headers } = (await handler(event as never, {} as never)) as { headers: Record<string, string> };
      return told({ headers: new Headers(headers) });
    };
    expect(await send()).toEqual(["stored", null, null]);
    expect(await send()).toEqual(["stored", "true", null]);
  });

  it("throws, which does not fail the mutation", async () => {
    const res = {
      headersSent: false,
      setHeader() {
        throw new Error("sent meanwhile");
      },
    };
    const { send } = app(router(), db.prisma, { resHeaders: undefined, res });
    expect((await send("do", { key: '"throws"', input: { what: "tea" } })).status).toBe(200);
  });
});
