import { initTRPC } from "@trpc/server";
import type { CreateHTTPContextOptions } from "@trpc/server/adapters/standalone";
import { idempotencyMiddleware } from "onceonly/trpc";
import { faultOf } from "./faults.ts";
import { idempotency } from "./idempotency.ts";
import { clearLedger, ledger } from "./ledger.ts";
import { Cart, pay } from "./payment.ts";
import { user } from "./user.ts";

export function createContext({ req, res, info }: CreateHTTPContextOptions) {
  return { req, res, info, user, fault: faultOf(req) };
}
type Context = ReturnType<typeof createContext>;

const t = initTRPC.context<Context>().create();

const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Context }) => ctx.user.id,
  // A real shop keeps the default, `true`. Here the page shows what happens without a key.
  requireKey: false,
});

export const appRouter = t.router({
  pay: t.procedure
    .input(Cart)
    .use(idempotent)
    .mutation(({ ctx, input }) => pay(ctx, input)),
  ledger: t.procedure.query(({ ctx }) => ledger(ctx.user)),
  clearLedger: t.procedure.mutation(({ ctx }) => clearLedger(ctx.user)),
});
export type AppRouter = typeof appRouter;
