import { useMutation } from "@tanstack/react-query";
import { createTRPCClient, httpLink, retryLink } from "@trpc/client";
import { createTRPCOptionsProxy } from "@trpc/tanstack-react-query";
import { useIdempotencyKey } from "onceonly/react";
import {
  idempotencyHeaders,
  idempotencyKeyOf,
  idempotencyLink,
  retryIdempotent,
  withIdempotencyKey,
} from "onceonly/trpc/client";
import type { AppRouter } from "../../app/trpc.ts";
import { queryClient } from "../api.ts";
import { paymentFetch } from "../network.ts";
import { inputOf, type Payment, type PaymentOptions, RETRIES } from "./payment.ts";

const client = createTRPCClient<AppRouter>({
  links: [
    idempotencyLink(),
    retryLink(retryIdempotent(RETRIES)),
    httpLink({ url: "/trpc", headers: idempotencyHeaders, fetch: paymentFetch }),
  ],
});
const trpc = createTRPCOptionsProxy<AppRouter>({ client, queryClient });

/** Pays over tRPC, once, however often it is asked to. */
export function useTrpcPayment({ cart, onPaid }: PaymentOptions): Payment {
  // A cart is paid once: whichever tab asks, and after whichever reload, it is the same key.
  const { key, settle } = useIdempotencyKey({ intent: cart.id, once: true, storage: "sessionStorage" });
  const { mutate, isPending, error } = useMutation(
    trpc.pay.mutationOptions({
      onSuccess: (order, { id }) => onPaid("with", id, order),
      onSettled: (_order, error, input) => settle(idempotencyKeyOf(input) ?? "", error),
    }),
  );
  return { pay: () => mutate(withIdempotencyKey(inputOf("with", cart), key())), isPending, error };
}
