/** The webhook as a request: what was answered is stored, and is the answer to every redelivery. */
import { withIdempotency } from "onceonly/http";
import { credit, identityOf, type PaymentEvent } from "./credit.ts";
import { idempotency } from "./database.ts";
import { isSigned } from "./signature.ts";

const eventOf = async (request: Request) => (await request.clone().json()) as PaymentEvent;

const credited = withIdempotency(
  {
    idempotency,
    operation: "POST /webhooks/as-request",
    scope: () => "the provider",
    key: async (request) => (await eventOf(request)).id,
    input: async (request) => identityOf(await eventOf(request)),
  },
  async (request, { tx }) => {
    await credit(tx, "as-request", (await request.json()) as PaymentEvent);
    return Response.json({ received: true });
  },
);

export async function asRequest(request: Request, secret: string): Promise<Response> {
  // Before all else: a stranger must not be able to use up an event's id.
  const body = await request.clone().text();
  return isSigned(body, request.headers.get("webhook-signature"), secret)
    ? credited(request)
    : Response.json({ error: "not signed by the provider" }, { status: 400 });
}
