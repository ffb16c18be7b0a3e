import { initTRPC } from "@trpc/server";
import type { FetchCreateContextFnOptions } from "@trpc/server/adapters/fetch";
import { idempotencyMiddleware } from "onceonly/trpc";
import { z } from "zod";
import { type Caller, scopeOf } from "../scope.ts";
import { idempotency, tenantClient } from "./tenant-client.ts";

interface Context extends Caller, Pick<FetchCreateContextFnOptions, "req" | "resHeaders" | "info"> {
  readonly db: ReturnType<typeof tenantClient>;
}

/** Stands in for the application's own authentication. */
export function createContext({ req, resHeaders, info }: FetchCreateContextFnOptions): Context {
  const tenant = req.headers.get("x-tenant") ?? "";
  const user = req.headers.get("x-user") ?? "";
  return { req, resHeaders, info, tenant, user, db: tenantClient(tenant) };
}

const t = initTRPC.context<Context>().create();

const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Context }) => scopeOf(ctx),
  // The handler's client is the one of this request, with its extension, in the transaction of the run.
  provide: "db",
});

export const sharedRouter = t.router({
  archive: t.procedure
    .input(z.object({ project: z.string() }))
    .use(idempotent)
    .mutation(async ({ ctx, input }) => {
      const { count } = await ctx.db.project.updateMany({
        where: { id: input.project },
        data: { archived: true },
      });
      return `${count} archived`;
    }),
});
