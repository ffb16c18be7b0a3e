/** Checked by `tsc`; nothing here runs. */
import { initTRPC, TRPCError, type TRPCMiddlewareFunction } from "@trpc/server";
import { expectTypeOf } from "vitest";
import { z } from "zod";
import type { Idempotency, TransactionOf } from "../../src/index.ts";
import {
  type IdempotencyMeta,
  idempotencyMiddleware,
  type MutationIdempotency,
  type ProvidedContext,
} from "../../src/trpc/index.ts";
import type { TestClient } from "../support/clients.ts";

type Tx = TransactionOf<TestClient>;
declare const idempotency: Idempotency<Tx>;

interface Context {
  user: { id: string } | null;
  prisma: TestClient;
  req?: Request;
}

const t = initTRPC.context<Context>().meta<IdempotencyMeta & { team: string }>().create();
const authed = t.procedure.use(({ ctx, next }) => {
  if (ctx.user === null) throw new TRPCError({ code: "UNAUTHORIZED" });
  return next({ ctx: { user: ctx.user, tenant: 5 } });
});
const withInput = authed.input(z.object({ item: z.string(), quantity: z.coerce.number() }));

interface Authed extends Context {
  user: { id: string };
}

// Made once, for the context that its functions name.
const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Authed }) => ctx.user.id,
  provide: "prisma",
});
const place = withInput
  .use(idempotent)
  .output(z.object({ total: z.number() }))
  .mutation(({ ctx, input }) => {
    expectTypeOf(input).toEqualTypeOf<{ item: string; quantity: number }>();
    expectTypeOf(ctx.prisma).toEqualTypeOf<Tx>();
    expectTypeOf(ctx.user).toEqualTypeOf<{ id: string }>();
    expectTypeOf(ctx.tenant).toEqualTypeOf<number>();
    expectTypeOf(ctx.idempotency).toEqualTypeOf<MutationIdempotency>();
    expectTypeOf(ctx).not.toBeAny();
    expectTypeOf<keyof typeof ctx>().toEqualTypeOf<"user" | "prisma" | "req" | "tenant" | "idempotency">();
    return { total: input.quantity };
  });
const caller = t.router({ place }).createCaller({ user: null, prisma: {} as TestClient });
expectTypeOf(caller.place).parameter(0).toEqualTypeOf<{ item: string; quantity: unknown }>();
expectTypeOf(caller.place).returns.resolves.toEqualTypeOf<{ total: number }>();

// @ts-expect-error the user may be null here
t.procedure.use(idempotent);

const misspelt = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: Authed }) => ctx.user.id,
  provide: "prsima",
});
// @ts-expect-error the context holds nothing under that name
withInput.use(misspelt);
// @ts-expect-error the same, written inside
withInput.use(idempotencyMiddleware({ idempotency, scope: ({ ctx }) => ctx.user.id, provide: "prsima" }));
withInput
  .use(idempotencyMiddleware({ idempotency, scope: ({ ctx }) => ctx.user.id, provide: "prisma" }))
  .mutation(({ ctx }) => expectTypeOf(ctx.prisma).toEqualTypeOf<Tx>());

// Written inside `.use()`, its functions see the context and the input at that place.
withInput
  .use(
    idempotencyMiddleware({
      idempotency,
      scope: ({ ctx, path }) => {
        expectTypeOf(ctx.user).toEqualTypeOf<{ id: string }>();
        expectTypeOf(path).toEqualTypeOf<string>();
        return `${ctx.tenant}:${ctx.user.id}`;
      },
      key: ({ input }) => {
        expectTypeOf(input).toEqualTypeOf<{ item: string; quantity: number }>();
        return input.item;
      },
      storeError: (error) => error.code === "CONFLICT",
    }),
  )
  .mutation(({ ctx }) => {
    expectTypeOf(ctx.tx).toEqualTypeOf<Tx>();
    expectTypeOf(ctx.prisma).toEqualTypeOf<TestClient>();
  });

// Reading the input, it fits only behind a parser that gives it.
const keyed = idempotencyMiddleware({
  idempotency,
  scope: "global",
  key: ({ input }: { input: { item: string } }) => input.item,
});
withInput.use(keyed).mutation(({ input }) => expectTypeOf(input.quantity).toEqualTypeOf<number>());
// @ts-expect-error there is no such input
t.procedure.input(z.object({ other: z.string() })).use(keyed);

// Asking nothing of the context, it fits every router, through t.middleware() too.
const anywhere = idempotencyMiddleware({ idempotency, scope: "global" });
const plain = initTRPC.create();
plain.procedure.use(anywhere).mutation(({ ctx }) => expectTypeOf(ctx.tx).toEqualTypeOf<Tx>());
t.procedure.use(t.middleware(anywhere)).mutation(({ ctx }) => expectTypeOf(ctx.tx).toEqualTypeOf<Tx>());
expectTypeOf(anywhere).toExtend<
  TRPCMiddlewareFunction<Context, unknown, object, ProvidedContext<"tx", Tx>, unknown>
>();

// @ts-expect-error the scope is required
idempotencyMiddleware({ idempotency });
// @ts-expect-error neither a function nor "global"
idempotencyMiddleware({ idempotency, scope: "everyone" });
// @ts-expect-error the context must be named where nothing tells it
idempotencyMiddleware({ idempotency, scope: ({ ctx }) => ctx.user.id });
t.procedure.meta({ team: "a", idempotency: { requireKey: false } });
t.procedure.meta({ team: "a", idempotency: false });
// @ts-expect-error only false leaves the mutation to itself
t.procedure.meta({ team: "a", idempotency: true });
// @ts-expect-error not a boolean
t.procedure.meta({ team: "a", idempotency: { requireKey: "sometimes" } });
