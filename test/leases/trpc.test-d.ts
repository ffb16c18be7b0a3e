/** Checked by `tsc`; nothing here runs. */
import { initTRPC, TRPCError, type TRPCMiddlewareFunction } from "@trpc/server";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { Idempotency, TransactionOf } from "../../src/index.ts";
import {
  idempotencyMiddleware,
  type LeasedContext,
  type LeasedMutationIdempotency,
  trpcCompleter,
} from "../../src/trpc/index.ts";
import type { TestClient } from "../support/clients.ts";

type Tx = TransactionOf<TestClient>;
declare const idempotency: Idempotency<Tx>;

interface Context {
  user: { id: string } | null;
  prisma: TestClient;
}

const t = initTRPC.context<Context>().create();
const authed = t.procedure.use(({ ctx, next }) => {
  if (ctx.user === null) throw new TRPCError({ code: "UNAUTHORIZED" });
  return next({ ctx: { user: ctx.user, tenant: 5 } });
});
const withInput = authed.input(z.object({ item: z.string(), quantity: z.coerce.number() }));

interface Authed extends Context {
  user: { id: string };
}

// Made once, for the context that its functions name.
const leased = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Authed }) => ctx.user.id,
  mode: "lease",
});
const pay = withInput.use(leased).mutation(async ({ ctx, input }) => {
  expectTypeOf(input).toEqualTypeOf<{ item: string; quantity: number }>();
  expectTypeOf(ctx.prisma).toEqualTypeOf<TestClient>();
  expectTypeOf(ctx.user).toEqualTypeOf<{ id: string }>();
  expectTypeOf(ctx.idempotency).toEqualTypeOf<LeasedMutationIdempotency<Tx>>();
  // No transaction is there.
  expectTypeOf<keyof typeof ctx>().toEqualTypeOf<"user" | "prisma" | "tenant" | "idempotency">();
  expectTypeOf<keyof typeof ctx.idempotency>().toEqualTypeOf<
    "key" | "attempt" | "signal" | "deriveKey" | "step" | "transaction"
  >();
  expectTypeOf(ctx.idempotency.key).toEqualTypeOf<string | undefined>();
  expectTypeOf(ctx.idempotency.signal).toEqualTypeOf<AbortSignal>();
  const charge = await ctx.idempotency.step("charge", async ({ key }) => ({ id: key }));
  expectTypeOf(charge).toEqualTypeOf<{ id: string }>();
  const total = await ctx.idempotency.transaction("order", async ({ tx, key }) => {
    expectTypeOf(tx).toEqualTypeOf<Tx>();
    return (await tx.order.count({ where: { key } })) + charge.id.length;
  });
  expectTypeOf(total).toEqualTypeOf<number>();
  return { total };
});
const router = t.router({ pay });
expectTypeOf(
  router.createCaller({ user: null, prisma: {} as TestClient }).pay,
).returns.resolves.toEqualTypeOf<{
  total: number;
}>();

// Written inside `.use()`, its functions see the context and the input at that place.
withInput
  .use(
    idempotencyMiddleware({
      idempotency,
      mode: "lease",
      scope: ({ ctx }) => {
        expectTypeOf(ctx.user).toEqualTypeOf<{ id: string }>();
        return `${ctx.tenant}:${ctx.user.id}`;
      },
      key: ({ input }) => {
        expectTypeOf(input).toEqualTypeOf<{ item: string; quantity: number }>();
        return input.item;
      },
    }),
  )
  .mutation(({ ctx }) => {
    expectTypeOf(ctx.idempotency).toEqualTypeOf<LeasedMutationIdempotency<Tx>>();
    expectTypeOf(ctx).not.toHaveProperty("tx");
  });

// Mode "transaction" may be spelt out.
withInput
  .use(idempotencyMiddleware({ idempotency, mode: "transaction", scope: ({ ctx }) => ctx.user.id }))
  .mutation(({ ctx }) => expectTypeOf(ctx.tx).toEqualTypeOf<Tx>());

const anywhere = idempotencyMiddleware({ idempotency, scope: "global", mode: "lease" });
t.procedure
  .use(t.middleware(anywhere))
  .mutation(({ ctx }) => expectTypeOf(ctx.idempotency).toEqualTypeOf<LeasedMutationIdempotency<Tx>>());
expectTypeOf(anywhere).toExtend<
  TRPCMiddlewareFunction<Context, unknown, object, LeasedContext<Tx>, unknown>
>();

// @ts-expect-error the transaction is given to `transaction(name, fn)`
idempotencyMiddleware({ idempotency, scope: "global", mode: "lease", provide: "prisma" });
// @ts-expect-error no mode
idempotencyMiddleware({ idempotency, scope: "global", mode: "saga" });
// @ts-expect-error the user may be null here
t.procedure.use(leased);

trpcCompleter({
  idempotency,
  router,
  createContext: (run) => {
    expectTypeOf(run.scope).toEqualTypeOf<string>();
    return { user: { id: run.scope }, prisma: {} as TestClient };
  },
});
trpcCompleter({ idempotency, router, createContext: async () => ({ user: null, prisma: {} as TestClient }) });
// @ts-expect-error not the context of this router
trpcCompleter({ idempotency, router, createContext: () => ({ user: { id: 5 } }) });
// @ts-expect-error the context must be made
trpcCompleter({ idempotency, router });
