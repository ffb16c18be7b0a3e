/** How not to do it: retries without a key, as they are often written. */
import { useMutation } from "@tanstack/react-query";
import { createTRPCClient, httpLink } from "@trpc/client";
import { GraphQLClient } from "graphql-request";
import type { AppRouter } from "../../app/trpc.ts";
import type { PaidOrder } from "../cart.ts";
import { paymentFetch } from "../network.ts";
import type { Settings } from "../settings.ts";
import { PAY } from "./graphql.ts";
import { inputOf, type Payment, type PaymentOptions, RETRIES } from "./payment.ts";

const trpc = createTRPCClient<AppRouter>({ links: [httpLink({ url: "/trpc", fetch: paymentFetch })] });
const graphql = new GraphQLClient(new URL("/graphql", location.href).href, { fetch: paymentFetch });

const send = {
  tRPC: (input: ReturnType<typeof inputOf>): Promise<PaidOrder> => trpc.pay.mutate(input),
  GraphQL: async (input: ReturnType<typeof inputOf>): Promise<PaidOrder> => {
    const { pay } = await graphql.request<{ pay: PaidOrder }>(PAY, input);
    return pay;
  },
};

export function useUnkeyedPayment(protocol: Settings["protocol"], { cart, onPaid }: PaymentOptions): Payment {
  const { mutate, isPending, error } = useMutation({
    mutationFn: send[protocol],
    retry: RETRIES.attemptsMax,
    retryDelay: (failures) => Math.min(250 * 2 ** failures, RETRIES.backoffMsMax),
    onSuccess: (order, { id }) => onPaid("without", id, order),
  });
  return { pay: () => mutate(inputOf("without", cart)), isPending, error };
}
