/** The webhook as a message: an event that fails again and again is put aside, and the provider is told to stop. */
import { consumeOnce } from "onceonly/messages";
import { credit, eventOf, identityOf, type PaymentEvent } from "./credit.ts";
import { idempotency } from "./database.ts";
import { isSigned } from "./signature.ts";

const consume = consumeOnce({
  idempotency,
  consumer: "webhooks/as-message",
  id: (event: PaymentEvent) => event.id,
  input: identityOf,
  attemptsMax: 3,
  // At least once: for some reasons, at each delivery.
  onPoison: async ({ id: event }, { tx, reason, error }) => {
    await tx.deadEvent.create({ data: { event, reason, error: String(error) } });
  },
})(async (event, { tx }) => credit(tx, "as-message", event));

export async function asMessage(request: Request, secret: string): Promise<Response> {
  const body = await request.text();
  if (!isSigned(body, request.headers.get("webhook-signature"), secret)) {
    return Response.json({ error: "not signed by the provider" }, { status: 400 });
  }
  const event = eventOf(body);
  if (event === undefined) return Response.json({ error: "not an event with an id" }, { status: 400 });
  await consume(event);
  return new Response(null, { status: 204 });
}
