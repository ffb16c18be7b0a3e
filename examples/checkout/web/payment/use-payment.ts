import type { Settings } from "../settings.ts";
import { useGraphqlPayment } from "./graphql.ts";
import type { Payment, PaymentOptions } from "./payment.ts";
import { useTrpcPayment } from "./trpc.ts";
import { useUnkeyedPayment } from "./unkeyed.ts";

/** The way to pay that is chosen in the panel. An application has only one. */
export function usePayment({ protocol, isKeyed }: Settings, options: PaymentOptions): Payment {
  const keyed = { tRPC: useTrpcPayment(options), GraphQL: useGraphqlPayment(options) };
  const unkeyed = useUnkeyedPayment(protocol, options);
  return isKeyed ? keyed[protocol] : unkeyed;
}
