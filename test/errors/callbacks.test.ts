/**
 * Callbacks of the application that fail. One that decides something fails its own call, and the next call with the same key
 * executes. One that is only told of something changes no answer. None ends the process.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TRPCError } from "@trpc/server";
import { describe, expect, test } from "vitest";
import { errorSerializer } from "../../src/core/contract/errors/error-serializer.ts";
import { createIdempotency, devalueCodec, type RunOptions } from "../../src/index.ts";
import { idempotencyMiddleware } from "../../src/trpc/index.ts";
import { type Options as HttpOptions, app as httpApp, place } from "../http/support.ts";
import { keepPoison, type Options as MessageOptions, shipped, shipping } from "../messages/support.ts";
import { databases } from "../support/database.ts";
import { placing, request, warningsDuring } from "../support/runs.ts";
import { type Context, order, t, app as trpcApp } from "../trpc/support.ts";
import { keyed, app as yogaApp } from "../yoga/support.ts";

// Stands in for callbacks of every signature, which no narrower type fits.
type Callback = (...args: any[]) => any;

const FAILURES: readonly (readonly [string, () => unknown])[] = [
  [
    "throws",
    () => {
      throw new Error("boom");
    },
  ],
  ["rejects", () => Promise.reject(new Error("boom"))],
];

/** Fails when it is first called; later it does as `good`. */
function failingFirst(fail: () => unknown, good: Callback): Callback {
  let calls = 0;
  return (...args: unknown[]): unknown => {
    calls += 1;
    return calls === 1 ? fail() : good(...args);
  };
}

/** Rejections that nobody has handled, while `work` runs: each would end a process. */
async function unhandledDuring(work: () => Promise<unknown>): Promise<unknown[]> {
  const rejections: unknown[] = [];
  const collect = (reason: unknown) => rejections.push(reason);
  process.on("unhandledRejection", collect);
  try {
    await work();
    await sleep(5);
  } finally {
    process.off("unhandledRejection", collect);
  }
  return rejections;
}

/** Options of any run whose callbacks fail first. */
const RUN_CALLBACKS: readonly (readonly [string, (fail: () => unknown) => RunOptions])[] = [
  ["storeError", (fail) => ({ storeError: failingFirst(fail, () => true) })],
  [
    "errors.serialize",
    (fail) => ({
      storeError: () => true,
      errors: { ...errorSerializer, serialize: failingFirst(fail, errorSerializer.serialize) },
    }),
  ],
  [
    "codec.encode",
    (fail) => ({
      storeError: () => true,
      codec: { ...devalueCodec, encode: failingFirst(fail, devalueCodec.encode) },
    }),
  ],
];

describe.each(databases)("callbacks of the application that fail, on $name", ({ open }) => {
  describe.each(FAILURES)("%s:", (kind, fail) => {
    test.each(RUN_CALLBACKS)(
      "%s fails its run, in either mode, and the key is free",
      async (_name, optionsOf) => {
        await using db = await open();
        for (const mode of ["run", "runLeased"] as const) {
          const idempotency = createIdempotency({ prisma: db.prisma, ...optionsOf(fail) });
          let runs = 0;
          const refusing = async () => {
            runs += 1;
            throw new Error("sold out");
          };
          const unhandled = await unhandledDuring(async () => {
            await expect(idempotency[mode](request(mode), refusing)).rejects.toThrow();
            await expect(idempotency[mode](request(mode), refusing)).rejects.toThrow("sold out");
            await expect(idempotency[mode](request(mode), refusing)).rejects.toThrow("sold out");
          });
          // The first left nothing, the second was stored, the third is its replay.
          expect([unhandled, runs]).toEqual([[], 2]);
        }
      },
    );

    test("a codec that fails on a result leaves nothing; on a replay, it executes nothing", async () => {
      await using db = await open();
      const codec = { ...devalueCodec, encode: failingFirst(fail, devalueCodec.encode) };
      const idempotency = createIdempotency({ prisma: db.prisma, codec });
      const handler = placing("k");
      const unhandled = await unhandledDuring(async () => {
        await expect(idempotency.run(request("k"), handler)).rejects.toMatchObject({
          code: "RESULT_UNSTORABLE",
        });
        expect(await db.countOrders()).toBe(0);
        expect(await idempotency.run(request("k"), handler)).toMatchObject({ replayed: false });
        const misreading = idempotency.with({
          codec: { ...devalueCodec, decode: failingFirst(fail, devalueCodec.decode) },
        });
        const replay = misreading.run(request("k"), handler);
        await expect(replay).rejects.toMatchObject({ code: "RESULT_UNREADABLE" });
        expect(await misreading.run(request("k"), handler)).toMatchObject({ replayed: true });
      });
      expect([unhandled, handler.runs, await db.countOrders()]).toEqual([[], 2, 1]);
    });

    test("errors.deserialize makes its replay unreadable, and executes nothing", async () => {
      await using db = await open();
      let runs = 0;
      const refusing = async () => {
        runs += 1;
        throw new Error("sold out");
      };
      const errors = { ...errorSerializer, deserialize: failingFirst(fail, errorSerializer.deserialize) };
      const idempotency = createIdempotency({ prisma: db.prisma, storeError: () => true, errors });
      const unhandled = await unhandledDuring(async () => {
        await expect(idempotency.run(request("k"), refusing)).rejects.toThrow("sold out");
        await expect(idempotency.run(request("k"), refusing)).rejects.toMatchObject({
          code: "RESULT_UNREADABLE",
        });
        await expect(idempotency.run(request("k"), refusing)).rejects.toThrow("sold out");
      });
      expect([unhandled, runs]).toEqual([[], 1]);
    });

    test("afterCommit is a warning; its neighbours run", async () => {
      await using db = await open();
      const idempotency = createIdempotency({ prisma: db.prisma });
      const called: string[] = [];
      const work = () =>
        idempotency.run(request("k"), async ({ afterCommit }) => {
          afterCommit(fail);
          afterCommit(() => called.push("next"));
          return "done";
        });
      const warnings = await warningsDuring(async () => {
        expect(
          await unhandledDuring(async () => expect(await work()).toMatchObject({ value: "done" })),
        ).toEqual([]);
      });
      expect(called).toEqual(["next"]);
      expect(warnings.map(({ name }) => name)).toEqual(["OnceonlyAfterCommitWarning"]);
    });

    const HTTP: readonly (readonly [string, (fail: () => unknown) => HttpOptions])[] = [
      ["scope", () => ({ scope: failingFirst(fail, () => "ada") })],
      ["operation", () => ({ operation: failingFirst(fail, () => "orders") })],
      ["key", () => ({ key: failingFirst(fail, () => undefined) })],
      ["outcome", () => ({ outcome: failingFirst(fail, () => "commit") })],
    ];
    test.each(HTTP)("HTTP: %s fails its request, and the key is free", async (_name, optionsOf) => {
      await using db = await open();
      const { send } = httpApp(db.prisma, place, optionsOf(fail));
      const unhandled = await unhandledDuring(async () => {
        await expect(send()).rejects.toThrow();
        expect(await db.countOrders()).toBe(0);
        expect(await send()).toMatchObject({ status: 201, replayed: false });
        expect(await send()).toMatchObject({ status: 201, replayed: true });
      });
      expect([unhandled, await db.countOrders()]).toEqual([[], 1]);
    });

    test.each(RUN_CALLBACKS.filter(([name]) => name !== "codec.encode"))(
      "HTTP: %s fails its request, and the key is free",
      async (_name, optionsOf) => {
        await using db = await open();
        let runs = 0;
        const { send } = httpApp(
          db.prisma,
          () => {
            runs += 1;
            throw new Error("sold out");
          },
          optionsOf(fail),
        );
        const unhandled = await unhandledDuring(async () => {
          await expect(send()).rejects.toThrow();
          await expect(send()).rejects.toThrow("sold out");
          await expect(send()).rejects.toThrow("sold out");
        });
        expect([unhandled, runs]).toEqual([[], 2]);
      },
    );

    test("HTTP: requireKey fails a request without a key, and no handler runs", async () => {
      await using db = await open();
      const { send } = httpApp(db.prisma, place, { requireKey: failingFirst(fail, () => true) });
      const unhandled = await unhandledDuring(() => expect(send({ key: null })).rejects.toThrow("boom"));
      expect([unhandled, await db.countOrders()]).toEqual([[], 0]);
    });

    test("HTTP: onProblem changes no answer, and is a warning", async () => {
      await using db = await open();
      const { send } = httpApp(db.prisma, place, { onProblem: fail });
      const warnings = await warningsDuring(async () => {
        const unhandled = await unhandledDuring(async () => {
          expect(await send({ key: null })).toMatchObject({ status: 400 });
        });
        expect(unhandled).toEqual([]);
      });
      expect(warnings.map(({ name, message }) => [name, message])).toEqual([
        ["OnceonlyHttpWarning", "The callback onProblem failed: boom"],
      ]);
    });

    test.each(["scope", "key", "request", "storeError"])(
      "tRPC: %s fails its call, and the key is free",
      async (name) => {
        await using db = await open();
        const good: Record<string, Callback> = {
          scope: ({ ctx }: { ctx: Context }) => ctx.user,
          key: () => "k1",
          request: ({ ctx }: { ctx: Context }) => ({ headers: ctx.req?.headers, info: ctx.info }),
          storeError: () => true,
        };
        const idempotent = idempotencyMiddleware({
          idempotency: createIdempotency({ prisma: db.prisma }),
          scope: ({ ctx }: { ctx: Context }) => ctx.user,
          [name]: failingFirst(fail, good[name] as Callback),
        });
        let runs = 0;
        const router = t.router({
          place: t.procedure.use(idempotent).mutation(async ({ ctx }) => {
            runs += 1;
            await ctx.tx.order.create({ data: order("k") });
            if (name === "storeError") throw new TRPCError({ code: "CONFLICT", message: "sold out" });
          }),
        });
        const { send } = trpcApp(router, db.prisma);
        const unhandled = await unhandledDuring(async () => {
          const first = await send("place", { key: "k1" });
          expect([first.status, runs]).toEqual([500, name === "storeError" ? 1 : 0]);
          expect(await db.countOrders()).toBe(0);
          const status = name === "storeError" ? 409 : 200;
          expect(await send("place", { key: "k1" })).toMatchObject({ status });
          expect(await send("place", { key: "k1" })).toMatchObject({ status });
        });
        expect([unhandled, runs]).toEqual([[], name === "storeError" ? 2 : 1]);
      },
    );

    test("tRPC: requireKey fails a call without a key, and no handler runs", async () => {
      await using db = await open();
      const idempotent = idempotencyMiddleware({
        idempotency: createIdempotency({ prisma: db.prisma }),
        scope: ({ ctx }: { ctx: Context }) => ctx.user,
        requireKey: fail as () => boolean,
      });
      let runs = 0;
      const router = t.router({ place: t.procedure.use(idempotent).mutation(() => void (runs += 1)) });
      const unhandled = await unhandledDuring(async () => {
        expect(await trpcApp(router, db.prisma).send("place")).toMatchObject({ status: 500 });
      });
      expect([unhandled, runs]).toEqual([[], 0]);
    });

    test.each(["scope", "key", "mode", "storeError"])(
      "Yoga: %s fails its mutation, and the key is free",
      async (name) => {
        await using db = await open();
        const good: Record<string, Callback> = {
          scope: ({ user }: { user: string }) => user,
          key: () => undefined,
          mode: () => "transaction",
          storeError: () => true,
        };
        const { send } = yogaApp(db, { [name]: failingFirst(fail, good[name] as Callback) });
        const query =
          name === "storeError"
            ? `mutation { fail(code: "CONFLICT") { id } }`
            : `mutation { place(item: "a") { id } }`;
        const unhandled = await unhandledDuring(async () => {
          const first = await send(keyed(query, "k"));
          expect(first.json.errors).toHaveLength(1);
          expect(await db.countOrders()).toBe(0);
          const second = await send(keyed(query, "k"));
          expect(second.json.extensions).toMatchObject({ idempotency: { replayed: false } });
          const third = await send(keyed(query, "k"));
          expect(third.json.extensions).toMatchObject({ idempotency: { replayed: true } });
        });
        expect([unhandled, await db.countOrders()]).toEqual([[], name === "storeError" ? 0 : 1]);
      },
    );

    test("Yoga: requireKey fails a mutation without a key, and no resolver runs", async () => {
      await using db = await open();
      const { send } = yogaApp(db, { requireKey: fail as () => boolean });
      const unhandled = await unhandledDuring(async () => {
        const { json } = await send({ query: `mutation { place(item: "a") { id } }` });
        expect(json.errors).toHaveLength(1);
      });
      expect([unhandled, await db.countOrders()]).toEqual([[], 0]);
    });

    test.each(["id", "input", "deliveries", "onPoison"])("messages: %s", async (name) => {
      await using db = await open();
      const good: Record<string, Callback> = {
        id: ({ id }: { id?: string }) => id,
        input: ({ body }: { body: string }) => body,
        deliveries: () => 1,
        onPoison: keepPoison,
      };
      const options = {
        onPoison: keepPoison,
        [name]: failingFirst(fail, good[name] as Callback),
      } as Partial<MessageOptions>;
      const consume = shipping(db.prisma, options);
      const message = { ...(name === "onPoison" ? {} : { id: "m1" }), body: "a" };
      const unhandled = await unhandledDuring(async () => {
        const first = consume(message);
        if (name === "onPoison") {
          // Redelivered, and then taken.
          await expect(first).rejects.toThrow("boom");
          expect(await consume(message)).toMatchObject({ outcome: "poisoned" });
          expect(await shipped(db)).toEqual(["no_id: a"]);
        } else if (kind === "rejects") {
          // No message is to blame for a reader that never can be right.
          await expect(first).rejects.toThrow(
            new TypeError(
              `onceonly: option ${name} returned a promise; give a function that answers at once, without await.`,
            ),
          );
          expect(await shipped(db)).toEqual([]);
          expect(await consume(message)).toMatchObject({ outcome: "consumed" });
        } else if (name === "deliveries") {
          // As if the broker did not count.
          expect(await first).toMatchObject({ outcome: "consumed" });
        } else {
          expect(await first).toMatchObject({ outcome: "poisoned" });
          expect(await shipped(db)).toEqual(["no_id: a"]);
          expect(await consume(message)).toMatchObject({ outcome: "consumed" });
        }
      });
      expect(unhandled).toEqual([]);
    });
  });
});
