/** Checked by every TypeScript that users may have: what they rely on is inferred, from each entry. Nothing here is run. */
import { initTRPC } from "@trpc/server";
import { createIdempotency, isIdempotencyError, withAmbientTransaction } from "onceonly";
import { idempotentFetch } from "onceonly/client";
import { withIdempotency } from "onceonly/http";
import { consumeOnce } from "onceonly/messages";
import { useIdempotencyKey } from "onceonly/react";
import { type IdempotencyMeta, idempotencyMiddleware } from "onceonly/trpc";
import { idempotencyLink } from "onceonly/trpc/client";
import { useIdempotency } from "onceonly/yoga";

interface Models {
  readonly order: { create(args: { data: { item: string } }): Promise<{ id: number; item: string }> };
  $queryRawUnsafe<T = unknown>(query: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(query: string, ...values: unknown[]): Promise<number>;
}

interface Client extends Models {
  $transaction<T>(body: (tx: Models) => Promise<T>, options?: { timeout?: number }): Promise<T>;
}

declare const client: Client;
export const prisma: Client = withAmbientTransaction(client);
const idempotency = createIdempotency({ prisma });

export async function place(): Promise<number> {
  const request = { operation: "orders.place", scope: "u", key: "k" };
  const { value } = await idempotency.run(request, ({ tx }) => tx.order.create({ data: { item: "lamp" } }));
  const leased = await idempotency.runLeased(request, async ({ step, transaction }) => [
    await step("charge", ({ key }) => key),
    await transaction("order", ({ tx }) => tx.order.create({ data: { item: "lamp" } })),
  ]);
  const [charge] = leased.value;
  return typeof charge === "string" ? charge.length : value.id;
}

export function reasonOf(error: unknown): string | undefined {
  if (!isIdempotencyError(error) || error.code !== "KEY_INVALID") return undefined;
  return error.details.reason;
}

const t = initTRPC.context<{ user: string }>().meta<IdempotencyMeta>().create();
const idempotent = idempotencyMiddleware({
  idempotency,
  scope: ({ ctx }: { ctx: { user: string } }) => ctx.user,
});
export const router = t.router({
  place: t.procedure.use(idempotent).mutation(({ ctx }) => ctx.tx.order.create({ data: { item: "lamp" } })),
});
export const link = idempotencyLink<typeof router>();

export const handle = withIdempotency({ idempotency, scope: "global" }, async (request, { tx }) => {
  const { id } = await tx.order.create({ data: { item: await request.text() } });
  return Response.json({ id });
});

export const consume = consumeOnce({
  idempotency,
  consumer: "shipping",
  id: (message: { id: string; item: string }) => message.id,
})(async ({ item }, { tx }) => tx.order.create({ data: { item } }));

export const plugin = useIdempotency<{ user: string }>({ idempotency, scope: ({ user }) => user });
export const fetchOnce: typeof fetch = idempotentFetch();
export const useKey = useIdempotencyKey;
