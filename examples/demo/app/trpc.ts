import { initTRPC, TRPCError } from "@trpc/server";
import type { CreateHTTPContextOptions } from "@trpc/server/adapters/standalone";
import { idempotencyMiddleware } from "onceonly/trpc";
import { idempotency, prisma } from "./idempotency.ts";
import { OrderInput, placeOrder } from "./orders.ts";
import { userOf } from "./users.ts";

export function createContext({ req, res, info }: CreateHTTPContextOptions) {
  const user = userOf(req.headers.authorization);
  if (!user) throw new TRPCError({ code: "UNAUTHORIZED" });
  return { req, res, info, user, prisma };
}
type Context = ReturnType<typeof createContext>;

const t = initTRPC.context<Context>().create();

const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Context }) => ctx.user.id,
  provide: "prisma",
});

export const appRouter = t.router({
  orders: t.procedure.query(({ ctx: { prisma, user } }) =>
    prisma.order.findMany({ where: { customer: user.id } }),
  ),
  placeOrder: t.procedure
    .input(OrderInput)
    .use(idempotent)
    .mutation(({ ctx, input }) => placeOrder(ctx, input)),
});
export type AppRouter = typeof appRouter;
