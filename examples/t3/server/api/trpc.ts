import { initTRPC, TRPCError } from "@trpc/server";
import type { FetchCreateContextFnOptions } from "@trpc/server/adapters/fetch";
import { idempotencyMiddleware } from "onceonly/trpc";
import superjson from "superjson";
import { auth, type Session } from "../auth.ts";
import { db } from "../db.ts";
import { idempotency } from "../idempotency.ts";

type ContextOptions = { headers: Headers } & Pick<FetchCreateContextFnOptions, "info" | "resHeaders">;

export const createTRPCContext = async (opts: ContextOptions) => {
  const session = auth(opts.headers);
  return { db, session, ...opts };
};

const t = initTRPC.context<typeof createTRPCContext>().create({ transformer: superjson });

export const createTRPCRouter = t.router;

const publicProcedure = t.procedure;

export const protectedProcedure = publicProcedure.use(({ ctx, next }) => {
  if (!ctx.session?.user) throw new TRPCError({ code: "UNAUTHORIZED" });
  return next({ ctx: { session: { ...ctx.session, user: ctx.session.user } } });
});

/** Goes after the `.input()` of each mutation. The resolvers still use `ctx.db`. */
export const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: { session: Session } }) => ctx.session.user.id,
  transformer: superjson,
});
