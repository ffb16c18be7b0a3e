/** The webhook as a message: an event that fails again and again is put aside, and the provider is told to stop. */
import { consumeOnce } from "onceonly/messages";
import { credit, identityOf, type PaymentEvent } from "./credit.ts";
import { idempotency } from "./database.ts";
import { isSigned } from "./signature.ts";

const consume = consumeOnce({
  idempotency,
  consumer: "webhooks/as-message",
  id: (event: PaymentEvent) => event.id,
  input: identityOf,
  attemptsMax: 3,
  onPoison: async ({ id: event }, { tx, reason }) => {
    await tx.deadEvent.create({ data: { event, reason } });
  },
})(async (event, { tx }) => credit(tx, "as-message", event));

export async function asMessage(request: Request, secret: string): Promise<Response> {
  const body = await request.text();
  if (!isSigned(body, request.headers.get("webhook-signature"), secret)) {
    return Response.json({ error: "not signed by the provider" }, { status: 400 });
  }
  await consume(JSON.parse(body) as PaymentEvent);
  return new Response(null, { status: 204 });
}
