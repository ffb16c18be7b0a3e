import type { Prisma } from "../generated/client.ts";

/** What the provider sends. A redelivery has another `delivery`, and another signature. */
export interface PaymentEvent {
  readonly id: string;
  readonly type: string;
  readonly data: { readonly payment: string; readonly customer: string; readonly cents: number };
  readonly delivery: { readonly attempt: number; readonly sentAt: string };
}

/** `undefined` if it is no event: not JSON, or without the id by which a redelivery is known. */
export function eventOf(body: string): PaymentEvent | undefined {
  try {
    const event = JSON.parse(body) as Partial<PaymentEvent> | null;
    return typeof event?.id === "string" && event.id !== "" ? (event as PaymentEvent) : undefined;
  } catch {
    return undefined;
  }
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
