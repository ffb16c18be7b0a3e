/** The webhook as a request: what was answered is stored, and is the answer to every redelivery. */
import { withIdempotency } from "onceonly/http";
import { credit, eventOf, identityOf, type PaymentEvent } from "./credit.ts";
import { idempotency } from "./database.ts";
import { isSigned } from "./signature.ts";

const credited = withIdempotency(
  {
    idempotency,
    operation: "POST /webhooks/as-request",
    scope: () => "the provider",
    key: (_request, { id }: PaymentEvent) => id,
    input: (_request, event: PaymentEvent) => identityOf(event),
  },
  async (_request, { tx }, event: PaymentEvent) => {
    await credit(tx, "as-request", event);
    return Response.json({ received: true });
  },
);

export async function asRequest(request: Request, secret: string): Promise<Response> {
  // Before all else: a stranger must not be able to use up an event's id.
  const body = await request.clone().text();
  if (!isSigned(body, request.headers.get("webhook-signature"), secret)) {
    return Response.json({ error: "not signed by the provider" }, { status: 400 });
  }
  const event = eventOf(body);
  if (event === undefined) return Response.json({ error: "not an event with an id" }, { status: 400 });
  return credited(request, event);
}
