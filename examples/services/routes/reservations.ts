import { withIdempotency } from "onceonly/http";
import { z } from "zod";
import { idempotency } from "../lib/idempotency.ts";
import { CreditExceeded } from "../services/billing-service.ts";
import { reserve, SoldOut } from "../services/reservation-service.ts";

const Input = z.object({ reference: z.string(), showId: z.string(), seats: z.int().positive() });

const customerOf = (request: Request) => request.headers.get("x-customer") ?? ""; // your own authentication

/** `POST /reservations`. The second argument, with the transaction in it, is not needed. */
export const POST = withIdempotency(
  { idempotency, scope: customerOf, operation: "POST /reservations" },
  async (request) => {
    const input = Input.safeParse(await request.json());
    if (!input.success) return Response.json({ error: z.prettifyError(input.error) }, { status: 400 });
    try {
      const reservation = await reserve(customerOf(request), input.data);
      return Response.json(reservation, { status: 201 });
    } catch (error) {
      if (error instanceof SoldOut) return Response.json({ error: error.message }, { status: 409 });
      if (error instanceof CreditExceeded) return Response.json({ error: error.message }, { status: 402 });
      throw error;
    }
  },
);
