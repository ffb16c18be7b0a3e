import { withIdempotency } from "onceonly/http";
import { idempotency } from "./idempotency.ts";
import { post, ServiceError } from "./post.ts";

/** Who pays. The application has found out before the handler is called. */
export interface Caller {
  readonly user: { readonly id: string };
}

const service = process.env["SERVICE_URL"] ?? "";

/** `POST /payments` with `{ "cents": 450 }`: charges the card, records the payment, sends a receipt. Each once, whatever breaks. */
export const createPayment = withIdempotency(
  {
    idempotency,
    mode: "lease",
    operation: "POST /payments",
    scope: (_request, { user }: Caller) => user.id,
  },
  async (request, { step, transaction }, { user }: Caller) => {
    const { cents } = ((await request.json().catch(() => undefined)) ?? {}) as { cents?: unknown };
    if (typeof cents !== "number" || !Number.isSafeInteger(cents) || cents <= 0) {
      return Response.json({ error: "cents must be a positive integer" }, { status: 422 });
    }
    const body = { reference: `${user.id}: ${cents}` };
    try {
      const chargeId = await step("charge", (given) => post(`${service}/charges`, given, body));
      const { id } = await transaction("record", ({ tx }) =>
        tx.payment.create({ data: { customer: user.id, cents, chargeId } }),
      );
      const receiptId = await step("receipt", (given) => post(`${service}/receipts`, given, body));
      const headers = { location: `/payments/${id}` };
      return Response.json({ id, chargeId, receiptId }, { status: 201, headers });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      // A 5xx releases the key: the client's retry, or the completer, goes on with the step that failed.
      return Response.json({ error: error.message }, { status: 502 });
    }
  },
);
