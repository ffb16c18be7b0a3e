import { initTRPC, TRPCError } from "@trpc/server";
import { type CreateHTTPContextOptions, createHTTPHandler } from "@trpc/server/adapters/standalone";
import { z } from "zod";
import { idempotencyData, idempotencyMiddleware, trpcCompleter } from "../../../src/trpc/index.ts";
import type { Application } from "./application.ts";
import { pay, place, SoldOut } from "./mutations.ts";

const Wanted = z.object({ intent: z.string(), quantity: z.int(), isSoldOut: z.boolean() });

/** A run that a completer resumes has no request. */
type Context = Partial<CreateHTTPContextOptions>;

export type AppRouter = ReturnType<typeof routerOf>;

function routerOf({ idempotency, by, charge, tellCommitted }: Application) {
  const t = initTRPC.context<Context>().create({
    errorFormatter: ({ shape, error, path }) => ({
      ...shape,
      data: { ...shape.data, ...idempotencyData({ error, path }) },
    }),
  });
  const common = { idempotency, scope: () => "trpc" };
  const expected = t.middleware(async ({ next }) => {
    const result = await next();
    // Stored by its code: an expected error of this mutation.
    if (!result.ok && result.error.cause instanceof SoldOut) {
      throw new TRPCError({ code: "PRECONDITION_FAILED", message: "sold out" });
    }
    return result;
  });
  return t.router({
    place: t.procedure
      .input(Wanted)
      .use(idempotencyMiddleware(common))
      .use(expected)
      .mutation(({ ctx, input }) => {
        ctx.idempotency.afterCommit(() => tellCommitted(input.intent));
        return place(ctx.tx, input, by);
      }),
    pay: t.procedure
      .input(Wanted)
      .use(idempotencyMiddleware({ ...common, mode: "lease" }))
      .use(expected)
      .mutation(({ ctx, input }) => pay(ctx.idempotency, input, by, charge)),
  });
}

export function trpcOf(application: Application) {
  const router = routerOf(application);
  return {
    handle: createHTTPHandler({ router, createContext: (context): Context => context, basePath: "/trpc/" }),
    completer: trpcCompleter({
      idempotency: application.idempotency,
      router,
      createContext: (): Context => ({}),
      // Nobody gives up here: what keeps failing does so because of what is done to the process.
      attemptsMax: 10_000,
      pollMs: 1_000,
      onError: () => {},
    }),
  };
}
