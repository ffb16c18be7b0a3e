import { initTRPC } from "@trpc/server";
import type { FetchCreateContextFnOptions } from "@trpc/server/adapters/fetch";
import { idempotencyMiddleware } from "onceonly/trpc";
import { z } from "zod";
import { type Caller, scopeOf } from "../scope.ts";
import { render } from "./render.ts";
import { databaseOf } from "./tenants.ts";

interface Context extends Caller, Partial<Pick<FetchCreateContextFnOptions, "req" | "resHeaders" | "info">> {}

/** Stands in for the application's own authentication. */
export function createContext({ req, resHeaders, info }: FetchCreateContextFnOptions): Context {
  const tenant = req.headers.get("x-tenant") ?? "";
  const user = req.headers.get("x-user") ?? "";
  return { req, resHeaders, info, tenant, user };
}

const t = initTRPC.context<Context>().create();

export const separateRouter = t.router({
  report: t.procedure
    .input(z.object({ project: z.string() }))
    .use(
      idempotencyMiddleware({
        idempotency: ({ ctx }) => databaseOf(ctx.tenant).idempotency,
        mode: "lease",
        scope: ({ ctx }) => scopeOf(ctx),
      }),
    )
    .mutation(async ({ ctx: { idempotency }, input: { project } }) => {
      const file = await idempotency.step("render", ({ key }) => render(project, key));
      await idempotency.transaction("report", ({ tx }) => tx.report.create({ data: { project, file } }));
      return file;
    }),
});
