import type { Lane } from "../lanes.ts";
import type { Settings } from "../settings.ts";
import { useGraphqlPayment } from "./graphql.ts";
import type { Payment, PaymentOptions } from "./payment.ts";
import { useTrpcPayment } from "./trpc.ts";
import { useUnkeyedPayment } from "./unkeyed.ts";

/** Both ways to pay, over what is chosen in the panel. An application has only one. */
export function usePayments({ protocol }: Settings, options: PaymentOptions): Record<Lane, Payment> {
  const keyed = { tRPC: useTrpcPayment(options), GraphQL: useGraphqlPayment(options) };
  return { with: keyed[protocol], without: useUnkeyedPayment(protocol, options) };
}
