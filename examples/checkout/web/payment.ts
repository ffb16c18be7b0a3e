// PLACEHOLDER until merge
import { QueryClient, useMutation } from "@tanstack/react-query";
import { createTRPCClient, httpLink } from "@trpc/client";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import type { AppRouter } from "../app/trpc.ts";
import { type Cart, linesOf, type PaidOrder } from "./cart.ts";
import { paymentFetch } from "./network.ts";
import type { Settings } from "./settings.ts";

export const queryClient = new QueryClient();
const link = httpLink({
  url: "/trpc",
  fetch: paymentFetch as never,
  headers: ({ op }) =>
    op.context["idempotencyKey"] ? { "idempotency-key": JSON.stringify(op.context["idempotencyKey"]) } : {},
});
const trpc = createTRPCOptionsProxy<AppRouter>({
  client: createTRPCClient<AppRouter>({ links: [link] }),
  queryClient,
});
export const ledgerTrpc = createTRPCOptionsProxy<AppRouter>({
  client: createTRPCClient<AppRouter>({ links: [httpLink({ url: "/trpc" })] }),
  queryClient,
});
export function usePayment({
  settings,
  cart,
  onPaid,
}: {
  settings: Settings;
  cart: Cart;
  onPaid: (cart: string, order: PaidOrder) => void;
}) {
  const key = `018f-${cart.id}`;
  const mutation = useMutation(
    trpc.pay.mutationOptions({
      ...(settings.isKeyed ? { trpc: { context: { idempotencyKey: key } } } : {}),
      retry: 5,
      onSuccess: (order, { id }) => onPaid(id, order),
    }),
  );
  return {
    key,
    error: mutation.error,
    isPending: mutation.isPending,
    pay: () => mutation.mutate({ id: cart.id, lines: linesOf(cart) }),
  };
}
