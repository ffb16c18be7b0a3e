import type { Prisma } from "../generated/client.ts";

/** What the provider sends. A redelivery has another `delivery`, and another signature. */
export interface PaymentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly payment: string; readonly customer: string; readonly cents: number };
  readonly delivery: { readonly attempt: number; readonly sentAt: string };
}

/** What makes an event the same event, however often it is sent. */
export const identityOf = ({ id, type, data }: PaymentEvent) => ({ id, type, data });

/** Nothing in here knows of redeliveries. */
export async function credit(
  tx: Prisma.TransactionClient,
  endpoint: string,
  { type, data: { payment, customer, cents } }: PaymentEvent,
): Promise<void> {
  if (type !== "payment.succeeded") return;
  await tx.customer.update({ where: { id: customer }, data: { cents: { increment: cents } } });
  await tx.credit.create({ data: { payment, endpoint } });
}
