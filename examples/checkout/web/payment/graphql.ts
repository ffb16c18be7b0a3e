import { useMutation } from "@tanstack/react-query";
import { GraphQLClient, gql } from "graphql-request";
import { idempotencyKeyHeader, idempotentFetch } from "onceonly/client";
import { useIdempotencyKey } from "onceonly/react";
import type { PaidOrder } from "../cart.ts";
import { paymentFetch } from "../network.ts";
import { inputOf, type Payment, type PaymentOptions, RETRIES } from "./payment.ts";

const client = new GraphQLClient(new URL("/graphql", location.href).href, {
  fetch: idempotentFetch({ fetch: paymentFetch, ...RETRIES }),
});

export const PAY = gql`
  mutation Pay($id: String!, $lines: [Line!]!) {
    pay(id: $id, lines: $lines) {
      id
      totalCents
    }
  }
`;

interface KeyedPayment {
  readonly input: ReturnType<typeof inputOf>;
  readonly key: string;
}

/** Pays over GraphQL, once, however often it is asked to. */
export function useGraphqlPayment({ cart, onPaid }: PaymentOptions): Payment {
  const { key, settle } = useIdempotencyKey({ intent: cart.id, once: true, storage: "sessionStorage" });
  const { mutate, isPending, error } = useMutation({
    mutationFn: ({ input, key }: KeyedPayment) =>
      client.request<{ pay: PaidOrder }>(PAY, input, idempotencyKeyHeader(key)),
    onSuccess: ({ pay }, { input }) => onPaid("with", input.id, pay),
    onSettled: (_order, error, { key }) => settle(key, error),
  });
  return { pay: () => mutate({ input: inputOf("with", cart), key: key() }), isPending, error };
}
