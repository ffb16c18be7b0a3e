import { initTRPC } from "@trpc/server";
import type { CreateHTTPContextOptions } from "@trpc/server/adapters/standalone";
import { idempotencyMiddleware } from "onceonly/trpc";
import { z } from "zod";
import { idempotency } from "./idempotency.ts";
import { post } from "./post.ts";

interface Context extends Partial<Pick<CreateHTTPContextOptions, "req" | "res" | "info">> {
  readonly user: { readonly id: string };
}

/** Stands in for the application's own authentication. */
export function createContext({ req, res, info }: CreateHTTPContextOptions): Context {
  return { req, res, info, user: { id: String(req.headers["x-user"]) } };
}

const t = initTRPC.context<Context>().create();
const service = process.env["SERVICE_URL"] ?? "";

export const appRouter = t.router({
  /** Takes the money, writes the order, has it shipped: each of them once, whatever breaks in between. */
  placeOrder: t.procedure
    .input(z.object({ item: z.string(), totalCents: z.int().positive() }))
    .use(idempotencyMiddleware({ idempotency, mode: "lease", scope: ({ ctx }) => ctx.user.id }))
    .mutation(async ({ ctx: { user, idempotency }, input: { item, totalCents } }) => {
      const body = { reference: `${user.id}: ${item}` };

      const chargeId = await idempotency.step("charge", (step) => post(`${service}/charges`, step, body));

      const { id } = await idempotency.transaction("order", ({ tx }) =>
        tx.order.create({ data: { customer: user.id, item, totalCents, chargeId } }),
      );

      const shipmentId = await idempotency.step("ship", (step) => post(`${service}/shipments`, step, body));

      return { id, chargeId, shipmentId };
    }),
});
